import { Fault } from '@portolan/core/base/fault.ts';

const units: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** A Go duration (`1m30s`, `500ms`) in milliseconds; undefined: not one. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, number, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(number) * (units[unit] ?? 0);
  }
  return total;
}

/** Reads a block of a configuration: typed, and at the end complaining of every key that nobody asked for. */
export class Fields {
  readonly #path: string;
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #asked = new Set<string>();

  constructor(path: string, value: unknown) {
    // HCL makes a list of one of a block that stands once in JSON form.
    const only = Array.isArray(value) && value.length === 1 ? value[0] : value;
    if (typeof only !== 'object' || only === null || Array.isArray(only))
      throw invalid(path, 'must be a block');
    this.#path = path;
    this.#values = only as Readonly<Record<string, unknown>>;
  }

  text(key: string): string | undefined {
    const value = this.#take(key);
    if (value === undefined || typeof value === 'string') return value;
    throw invalid(this.#at(key), 'must be a string');
  }

  flag(key: string): boolean | undefined {
    const value = this.#take(key);
    if (value === undefined || typeof value === 'boolean') return value;
    throw invalid(this.#at(key), 'must be true or false');
  }

  int(key: string): number | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    const number = typeof value === 'string' ? Number(value) : value;
    if (typeof number === 'number' && Number.isInteger(number)) return number;
    throw invalid(this.#at(key), 'must be a whole number');
  }

  durationMs(key: string): number | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    const parsed = typeof value === 'string' ? parseDuration(value) : undefined;
    if (parsed === undefined)
      throw invalid(this.#at(key), `must be a duration such as "10s", not ${JSON.stringify(value)}`);
    return parsed;
  }

  /** Permission bits, written `0644` or `"0644"`. JSON has no octal: there a number is taken as it is. */
  mode(key: string): number | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    const bits =
      typeof value === 'string' && /^0?[0-7]{3,4}$/.test(value) ? Number.parseInt(value, 8) : value;
    if (typeof bits === 'number' && Number.isInteger(bits) && bits >= 0 && bits <= 0o7777) return bits;
    throw invalid(this.#at(key), `must be permission bits such as 0644, not ${JSON.stringify(value)}`);
  }

  /** A string, or a list of them. */
  words(key: string): readonly string[] | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    const list = Array.isArray(value) ? value : [value];
    if (list.every((word) => typeof word === 'string')) return list;
    throw invalid(this.#at(key), 'must be a string or a list of strings');
  }

  block(key: string): Fields | undefined {
    const value = this.#take(key);
    return value === undefined ? undefined : new Fields(this.#at(key), value);
  }

  blocks(key: string): readonly Fields[] {
    const value = this.#take(key);
    if (value === undefined) return [];
    const list = Array.isArray(value) ? value : [value];
    return list.map((item, index) => new Fields(`${this.#at(key)}[${index}]`, item));
  }

  /** Whether any key is set; `ignore` also counts them as known. */
  ignore(...keys: readonly string[]): readonly string[] {
    return keys.filter((key) => this.#take(key) !== undefined).map((key) => this.#at(key));
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#values, key);
  }

  fail(key: string, problem: string): Fault {
    return invalid(this.#at(key), problem);
  }

  end(): void {
    const unknown = Object.keys(this.#values).find((key) => !this.#asked.has(key));
    if (unknown !== undefined) throw invalid(this.#at(unknown), 'is not a known setting');
  }

  #take(key: string): unknown {
    this.#asked.add(key);
    return this.has(key) ? this.#values[key] : undefined;
  }

  #at(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`;
  }
}

function invalid(path: string, problem: string): Fault {
  return new Fault('invalid', `${path} ${problem}`, { path });
}
