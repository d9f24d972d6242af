import { nearest } from '@portolan/core/base/near-miss.ts';
import type { At } from './at.ts';

/**
 * Reads a value of some type out of plain data. What is wrong is told to `at`; then, and only then, may it give undefined. Fields that
 * are not known are a warning and left out: a manifest may be newer than we are.
 */
export type Schema<T> = (value: unknown, at: At) => T | undefined;

type Fields<T> = { readonly [K in keyof T & string]-?: Schema<Exclude<T[K], undefined>> };

/**
 * An object of known fields: the compiler sees that `fields` has all of `T` and nothing else. `check` is only called where everything
 * below is well-formed. `null` is as good as absent, as in Kubernetes.
 */
export function object<T extends object>(
  required: readonly (keyof T & string)[],
  fields: Fields<T>,
  check?: (value: T, at: At) => void,
  ignored: ReadonlySet<string> = nothing,
): Schema<T> {
  const known = new Map(Object.entries(fields) as [string, Schema<unknown>][]);
  return (value, at) => {
    if (!isObject(value)) return wrongType(at, 'an object', value);
    const before = at.errors;
    const read: Record<string, unknown> = {};
    for (const [key, given] of Object.entries(value)) {
      if (given === null || given === undefined) continue;
      const schema = known.get(key);
      if (schema === undefined) {
        if (!ignored.has(key)) unknownField(at.in(key), key, known.keys());
        continue;
      }
      const made = schema(given, at.in(key));
      if (made !== undefined) read[key] = made;
    }
    for (const key of required) {
      if (value[key] === null || value[key] === undefined) missing(at, key, value);
    }
    if (at.errors > before) return undefined;
    check?.(read as T, at);
    return read as T;
  };
}

const nothing: ReadonlySet<string> = new Set();

function unknownField(at: At, key: string, known: Iterable<string>): void {
  if (at.isFull) return;
  const near = nearest(key, known);
  const old = formerFields.get(key);
  at.warn(
    'unknown-field',
    'is not a field here, and is left out',
    old ?? (near === undefined ? undefined : `did you mean ${near}?`),
  );
}

/** Fields that had another name or place in an older version of their kind. */
const formerFields: ReadonlyMap<string, string> = new Map([
  ['serviceName', 'write service.name'],
  ['servicePort', 'write service.port.number or service.port.name'],
  ['topology', 'write zone and nodeName'],
]);

function missing(at: At, key: string, value: Readonly<Record<string, unknown>>): void {
  const near = nearest(key, Object.keys(value));
  at.in(key).error(
    'missing-field',
    'is missing',
    near === undefined || near === key ? undefined : `is ${near} meant to be it?`,
  );
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface ListOptions<T> {
  readonly min?: number;
  readonly max?: number;
  readonly check?: (values: readonly T[], at: At) => void;
}

export function list<T>(item: Schema<T>, options: ListOptions<T> = {}): Schema<readonly T[]> {
  const { min = 0, max = 10_000, check } = options;
  return (value, at) => {
    if (!Array.isArray(value)) {
      return wrongType(at, 'a list', value, isObject(value) ? 'begin each item with "- "' : undefined);
    }
    if (value.length < min || value.length > max) {
      at.error('wrong-length', `must have from ${min} to ${max} items, not ${value.length}`);
      return undefined;
    }
    const before = at.errors;
    const read: T[] = [];
    for (const [index, given] of value.entries()) {
      const made = item(given, at.in(index));
      if (made !== undefined) read.push(made);
    }
    if (at.errors > before) return undefined;
    check?.(read, at);
    return read;
  };
}

/** A map whose keys are the user's. It has no prototype. */
export function mapOf<T>(
  item: Schema<T>,
  checkKey?: (key: string, at: At) => void,
): Schema<Readonly<Record<string, T>>> {
  return (value, at) => {
    if (!isObject(value)) return wrongType(at, 'a map', value);
    const read = Object.create(null) as Record<string, T>;
    for (const [key, given] of Object.entries(value)) {
      checkKey?.(key, at.in(key));
      const made = item(given, at.in(key));
      if (made !== undefined) read[key] = made;
    }
    return read;
  };
}

interface TextOptions {
  readonly min?: number;
  readonly max?: number;
  /** Says what is wrong and, second, what to write instead. */
  readonly check?: (text: string, at: At) => void;
}

export function text(options: TextOptions = {}): Schema<string> {
  const { min = 0, max = 65_536, check } = options;
  return (value, at) => {
    if (typeof value !== 'string') {
      const plain = typeof value === 'number' || typeof value === 'boolean';
      return wrongType(at, 'text', value, plain ? `write "${value}" in quotes` : undefined);
    }
    if (value.length < min) {
      at.error('empty', 'must not be empty');
      return undefined;
    }
    if (value.length > max) {
      at.error('too-long', `must have at most ${max} characters, not ${value.length}`);
      return undefined;
    }
    check?.(value, at);
    return value;
  };
}

export const anyText = text();
export const someText = text({ min: 1 });

export function oneOf<const T extends string>(...choices: readonly T[]): Schema<T> {
  return (value, at) => {
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    const near = typeof value === 'string' ? nearest(value, choices) : undefined;
    at.error(
      'bad-choice',
      `must be ${choices.length === 1 ? '' : 'one of '}${choices.join(', ')}, not ${shown(value)}`,
      near === undefined ? undefined : `did you mean ${near}?`,
    );
    return undefined;
  };
}

export function whole(min: number, max: number): Schema<number> {
  return (value, at) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    const number = typeof value === 'string' && /^-?\d{1,15}$/.test(value);
    at.error(
      typeof value === 'number' ? 'out-of-range' : 'wrong-type',
      `must be a whole number from ${min} to ${max}, not ${shown(value)}`,
      number ? `write ${value} without quotes` : undefined,
    );
    return undefined;
  };
}

export function decimal(min: number, max: number): Schema<number> {
  return (value, at) => {
    if (typeof value === 'number' && value >= min && value <= max) return value;
    at.error('wrong-type', `must be a number from ${min} to ${max}, not ${shown(value)}`);
    return undefined;
  };
}

export const flag: Schema<boolean> = (value, at) => {
  if (typeof value === 'boolean') return value;
  const meant = typeof value === 'string' ? booleans.get(value.toLowerCase()) : undefined;
  return wrongType(at, 'true or false', value, meant === undefined ? undefined : `write ${meant}`);
};

const booleans: ReadonlyMap<string, string> = new Map([
  ['true', 'true without quotes'],
  ['false', 'false without quotes'],
  ['yes', 'true'],
  ['no', 'false'],
  ['on', 'true'],
  ['off', 'false'],
]);

/** Reports a second one of the same key. */
export function noTwins<T>(
  values: readonly T[],
  at: At,
  keyOf: (value: T) => string | undefined,
  problem: (key: string, first: number) => string,
  field: readonly string[] = [],
): void {
  const first = new Map<string, number>();
  for (const [index, value] of values.entries()) {
    const key = keyOf(value);
    if (key === undefined) continue;
    const before = first.get(key);
    if (before === undefined) first.set(key, index);
    else at.in(index, ...field).error('duplicate', problem(key, before));
  }
}

function wrongType(at: At, wanted: string, value: unknown, suggestion?: string): undefined {
  at.error('wrong-type', `must be ${wanted}, not ${shown(value)}`, suggestion);
}

/** A value as it stands in a message: short, and only its type where it is large. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value !== 'string') return String(value);
  return JSON.stringify(value.length > maxShown ? `${value.slice(0, maxShown)}…` : value);
}

const maxShown = 60;
