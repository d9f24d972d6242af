import { sameJson } from '../base/json.ts';
import type { Diagnostic } from './model.ts';

/** The problems of a plan, in order of subject and code, kept up as their subjects change. */
export interface DiagnosticSet {
  /** A frozen list; the same one until something changes. */
  readonly list: readonly Diagnostic[];
  /** Replaces what `source` reported before. */
  replace(source: string, found: readonly Diagnostic[]): void;
  clear(): void;
}

export function createDiagnosticSet(): DiagnosticSet {
  const bySource = new Map<string, readonly Diagnostic[]>();
  const sorted: Diagnostic[] = [];
  let published: readonly Diagnostic[] | undefined = Object.freeze([]);

  return {
    get list() {
      published ??= Object.freeze(sorted.slice());
      return published;
    },

    replace(source, found) {
      const before = bySource.get(source);
      if (before === undefined ? found.length === 0 : sameJson(before, found)) return;
      for (const diagnostic of before ?? []) sorted.splice(place(sorted, diagnostic), 1);
      for (const diagnostic of found) sorted.splice(place(sorted, diagnostic), 0, diagnostic);
      if (found.length === 0) bySource.delete(source);
      else bySource.set(source, found);
      published = undefined;
    },

    clear() {
      bySource.clear();
      sorted.length = 0;
      published = undefined;
    },
  };
}

/** The first place whose diagnostic does not come before `wanted`. */
function place(sorted: readonly Diagnostic[], wanted: Diagnostic): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = sorted[middle];
    if (at !== undefined && compare(at, wanted) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compare(left: Diagnostic, right: Diagnostic): number {
  return (
    compareText(left.subject, right.subject) ||
    compareText(left.code, right.code) ||
    compareText(left.message, right.message) ||
    compareText(left.path ?? '', right.path ?? '')
  );
}

function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
