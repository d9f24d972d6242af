import { Fault } from '@portolan/core/base/fault.ts';
import type { Json } from '@portolan/core/base/json.ts';
import { type Labels, labels } from '@portolan/core/base/labels.ts';
import { parseGoDuration } from './go-duration.ts';

/** What Consul answers to a body that does not decode. */
export function decodeFault(reason: string, path?: string): Fault {
  return new Fault('invalid', `Request decode failed: ${reason}`, path === undefined ? {} : { path });
}

/** A body's JSON. Throws `Request decode failed: …`. */
export function parseJson(text: string): unknown {
  if (text.trim() === '') throw decodeFault('EOF');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw decodeFault(cause instanceof Error ? cause.message : String(cause));
  }
}

/**
 * One JSON object as Consul's decoder reads it: names in any case, with or without underscores (`enable_tag_override` is
 * `EnableTagOverride`), null the same as absent, unknown names left alone, a wrong type an error that names the field.
 */
export class Fields {
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #path: string;

  constructor(raw: unknown, path = '') {
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
      throw wrongType(raw, path === '' ? 'the body' : path, 'object');
    }
    const values = new Map<string, unknown>();
    for (const name of Object.keys(raw)) {
      const value = (raw as Readonly<Record<string, unknown>>)[name];
      if (value !== null) values.set(folded(name), value);
    }
    this.#values = values;
    this.#path = path;
  }

  has(name: string): boolean {
    return this.#values.has(folded(name));
  }

  /** '' where it is absent. */
  string(name: string): string {
    const value = this.#value(name);
    if (value === undefined) return '';
    if (typeof value !== 'string') throw wrongType(value, this.pathOf(name), 'string');
    return value;
  }

  boolean(name: string): boolean {
    const value = this.#value(name);
    if (value === undefined) return false;
    if (typeof value !== 'boolean') throw wrongType(value, this.pathOf(name), 'bool');
    return value;
  }

  integer(name: string, absent = 0): number {
    const value = this.#value(name);
    if (value === undefined) return absent;
    if (typeof value !== 'number' || !Number.isSafeInteger(value))
      throw wrongType(value, this.pathOf(name), 'int');
    return value;
  }

  /** Milliseconds from `"10s"`, or from a number of nanoseconds. 0 where it is absent or ''. */
  durationMs(name: string): number {
    const value = this.#value(name);
    if (value === undefined || value === '') return 0;
    if (typeof value === 'number') return value / 1e6;
    const ms = typeof value === 'string' ? parseGoDuration(value) : undefined;
    if (ms === undefined) {
      throw decodeFault(
        `${this.pathOf(name)}: invalid duration ${JSON.stringify(value)} (write it as "10s")`,
        this.pathOf(name),
      );
    }
    return ms;
  }

  strings(name: string): readonly string[] {
    const value = this.#value(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw wrongType(value, this.pathOf(name), '[]string');
    return value.map((item, index) => {
      if (typeof item !== 'string') throw wrongType(item, `${this.pathOf(name)}[${index}]`, 'string');
      return item;
    });
  }

  labels(name: string): Labels {
    const value = this.#value(name);
    return labels(
      value === undefined
        ? []
        : this.#entries(name, value).map(([key, item]) => {
            if (typeof item !== 'string') throw wrongType(item, `${this.pathOf(name)}.${key}`, 'string');
            return [key, item];
          }),
    );
  }

  /** Members of a map as they are; [] where it is absent. */
  entries(name: string): readonly (readonly [string, unknown])[] {
    const value = this.#value(name);
    return value === undefined ? [] : this.#entries(name, value);
  }

  object(name: string): Fields | undefined {
    const value = this.#value(name);
    return value === undefined ? undefined : new Fields(value, this.pathOf(name));
  }

  objects(name: string): readonly Fields[] {
    const value = this.#value(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw wrongType(value, this.pathOf(name), 'array');
    return value.map((item, index) => new Fields(item, `${this.pathOf(name)}[${index}]`));
  }

  /** The value as it came, for what is only kept. */
  json(name: string): Json | undefined {
    return this.#value(name) as Json | undefined;
  }

  pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }

  #value(name: string): unknown {
    return this.#values.get(folded(name));
  }

  #entries(name: string, value: unknown): (readonly [string, unknown])[] {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw wrongType(value, this.pathOf(name), 'map');
    }
    return Object.entries(value);
  }
}

function folded(name: string): string {
  return (name.includes('_') ? name.replaceAll('_', '') : name).toLowerCase();
}

function wrongType(value: unknown, path: string, wanted: string): Fault {
  const found = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  return decodeFault(`cannot read ${found} as ${wanted}: ${path}`, path);
}
