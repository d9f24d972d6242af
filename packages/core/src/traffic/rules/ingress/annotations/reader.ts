import { nearest } from '../../../../base/near-miss.ts';
import type { StringMap } from '../../../../rules/metadata.ts';
import type { PlanContext } from '../../contract.ts';

const prefix = 'nginx.ingress.kubernetes.io/';

/** Reads the annotations of one Ingress, and reports what it cannot read, each with its path. Who asks for a name knows it. */
export interface AnnotationReader {
  /** Whether there is any: most have none, and need not be asked a hundred times. */
  readonly any: boolean;
  /** Undefined: not there, or empty. */
  text(name: string): string | undefined;
  /** `true` or `false`; anything else is reported and not there. */
  flag(name: string): boolean | undefined;
  /** A whole number of at least `min`. */
  whole(name: string, min?: number): number | undefined;
  /** Seconds, with or without a unit, as milliseconds. */
  seconds(name: string): number | undefined;
  /** What is between commas, without blanks and empty ones. */
  list(name: string): readonly string[] | undefined;
  /** One of `choices`; anything else is reported and not there. */
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined;
  report(severity: 'error' | 'warning' | 'info', code: string, name: string, message: string): void;
  /** The whole Ingress is answered 503: what must guard it cannot, as ingress-nginx does it. */
  deny(name: string, message: string): void;
  readonly denied: boolean;
  /** Reports those that nobody asked for. */
  finish(): void;
}

export function createAnnotationReader(annotations: StringMap, context: PlanContext): AnnotationReader {
  const asked = new Set<string>();
  let denied = false;

  function text(name: string): string | undefined {
    asked.add(name);
    const key = `${prefix}${name}`;
    const value = Object.hasOwn(annotations, key) ? annotations[key]?.trim() : undefined;
    return value === '' ? undefined : value;
  }

  function report(severity: 'error' | 'warning' | 'info', code: string, name: string, message: string): void {
    context.report(severity, code, `${name}: ${message}`, pathOf(name));
  }

  function wrong(name: string, value: string, wanted: string): undefined {
    report('error', 'annotation-invalid', name, `"${value}" is not ${wanted}: it is left out`);
  }

  return {
    any: Object.keys(annotations).some((key) => key.startsWith(prefix)),
    text,
    flag(name) {
      const value = text(name);
      if (value === undefined) return undefined;
      if (/^(?:true|1|t)$/i.test(value)) return true;
      if (/^(?:false|0|f)$/i.test(value)) return false;
      return wrong(name, value, 'true or false');
    },
    whole(name, min = 0) {
      const value = text(name);
      if (value === undefined) return undefined;
      const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
      return number >= min ? number : wrong(name, value, `a whole number of at least ${min}`);
    },
    seconds(name) {
      const value = text(name);
      if (value === undefined) return undefined;
      const [, number, unit = 's'] = /^(\d{1,9})(ms|s|m|h)?$/.exec(value) ?? [];
      if (number === undefined) return wrong(name, value, 'a number of seconds');
      return Number(number) * (unitMs[unit] ?? 1_000);
    },
    list(name) {
      const value = text(name);
      if (value === undefined) return undefined;
      return value
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '');
    },
    choice(name, choices) {
      const value = text(name);
      if (value === undefined) return undefined;
      const found = choices.find((choice) => choice.toLowerCase() === value.toLowerCase());
      return found ?? wrong(name, value, `one of ${choices.join(', ')}`);
    },
    report,
    deny(name, message) {
      denied = true;
      report('error', 'ingress-denied', name, `${message}; until then the whole Ingress is answered 503`);
    },
    get denied() {
      return denied;
    },
    finish() {
      for (const key of Object.keys(annotations)) {
        if (!key.startsWith(prefix)) continue;
        const name = key.slice(prefix.length);
        if (asked.has(name)) continue;
        const near = nearest(name, asked);
        const hint = near === undefined ? 'it has no effect' : `it has no effect; did you mean ${near}?`;
        report('warning', 'annotation-unknown', name, hint);
      }
    },
  };
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

function pathOf(name: string): string {
  return `metadata.annotations["${prefix}${name}"]`;
}
