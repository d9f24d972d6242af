import { sizeOf } from '../base/sorted-tree.ts';
import type { CatalogDelta, CheckTouch } from './reader.ts';
import type { RecordKey } from './records.ts';
import type { ServiceState } from './service-state.ts';
import type { ServiceTable } from './service-table.ts';

const nothing: ReadonlySet<string> = new Set();

/** Collects what one change touches, while the tables are written. */
export class Touches {
  readonly services = new Set<string>();
  readonly nodes = new Set<string>();
  readonly checks: CheckTouch[] = [];
  readonly kvKeys: string[] = [];
  readonly leases: string[] = [];
  nodeList = false;
  /** Whether an instance or a node went in or out of service. */
  admin = false;
  readonly ruleKeys = new Set<RecordKey>();
  /** Services whose existence or tags may have changed, as they were before. */
  #listed: Map<string, ServiceState | undefined> | undefined;

  /** Called before the existence or the tags of a service may change; `before` is undefined where there was none. */
  listing(key: string, before: ServiceState | undefined): void {
    this.#listed ??= new Map();
    if (!this.#listed.has(key)) this.#listed.set(key, before);
  }

  /** Which of the services are no more: only those are looked up, and most changes end none. */
  *ended(services: ServiceTable): Generator<string> {
    for (const key of this.#listed?.keys() ?? []) if (services.get(key) === undefined) yield key;
  }

  delta(revision: number, services: ServiceTable): CatalogDelta {
    return {
      revision,
      services: this.services.size === 0 ? nothing : this.services,
      serviceList: this.#listMoved(services),
      nodes: this.nodes.size === 0 ? nothing : this.nodes,
      nodeList: this.nodeList,
      checks: this.checks,
      checkList: this.admin || this.checks.length > 0,
      kvKeys: this.kvKeys,
      rules: this.ruleKeys.size > 0,
      ruleKeys: this.ruleKeys.size === 0 ? nothing : this.ruleKeys,
      leases: this.leases,
    };
  }

  #listMoved(services: ServiceTable): boolean {
    if (this.#listed === undefined) return false;
    for (const [key, before] of this.#listed) {
      if (!sameTags(before, services.get(key))) return true;
    }
    return false;
  }
}

/** Whether both or neither exist, with the same tags. Counts first: listing the tags costs as many as there are. */
function sameTags(before: ServiceState | undefined, after: ServiceState | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  return sizeOf(before.tagCounts) === sizeOf(after.tagCounts) && sameList(before.tags(), after.tags());
}

/** Whether two lists of text are equal, in order. */
export function sameList(left: readonly string[], right: readonly string[]): boolean {
  if (left === right) return true;
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return false;
  return true;
}
