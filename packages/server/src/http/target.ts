import { Fault } from '@portolan/core/base/fault.ts';
import { maxQueryParameters } from './limits.ts';

/** A request target (RFC 9112 §3.2), decoded once. */
export interface Target {
  /** Percent-decoded; always begins with `/`. */
  readonly path: string;
  readonly query: Query;
  /** The query as it came, without `?`. */
  readonly rawQuery: string;
}

/** Splits and decodes a target. Throws `invalid` for malformed escapes and for bytes that are not UTF-8. */
export function parseTarget(target: string): Target {
  const origin = target.startsWith('/') ? target : originForm(target);
  const mark = origin.indexOf('?');
  const rawPath = mark === -1 ? origin : origin.slice(0, mark);
  const rawQuery = mark === -1 ? '' : origin.slice(mark + 1);
  return { path: decode(rawPath, 'path'), query: Query.parse(rawQuery), rawQuery };
}

/** `http://host/path` is as good as `/path`; the Host header has been checked. */
function originForm(target: string): string {
  const scheme = target.indexOf('://');
  const slash = scheme === -1 ? -1 : target.indexOf('/', scheme + 3);
  if (slash === -1) throw new Fault('invalid', 'The request target must begin with "/".');
  return target.slice(slash);
}

function decode(text: string, where: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new Fault('invalid', `Malformed percent-encoding in the ${where}: it must be UTF-8.`, { cause });
  }
}

/** The parameters in order. Names are case-sensitive. A request has a handful, so looking through them all is quickest. */
export class Query {
  static readonly empty = new Query([]);
  readonly #pairs: readonly string[];

  /** Name, value, name, value … */
  private constructor(pairs: readonly string[]) {
    this.#pairs = pairs;
  }

  static parse(raw: string): Query {
    if (raw === '') return Query.empty;
    const pairs: string[] = [];
    for (const part of raw.split('&', maxQueryParameters + 1)) {
      if (part === '') continue;
      const equals = part.indexOf('=');
      if (equals === -1) pairs.push(decodeParameter(part), '');
      else pairs.push(decodeParameter(part.slice(0, equals)), decodeParameter(part.slice(equals + 1)));
    }
    if (pairs.length > maxQueryParameters * 2) {
      throw new Fault('too-large', `At most ${maxQueryParameters} query parameters are read.`);
    }
    return new Query(pairs);
  }

  /** The first value; undefined where the name is absent, '' for a bare `?name`. */
  get(name: string): string | undefined {
    for (let at = 0; at < this.#pairs.length; at += 2) {
      if (this.#pairs[at] === name) return this.#pairs[at + 1];
    }
    return undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  all(name: string): string[] {
    const values: string[] = [];
    for (let at = 0; at < this.#pairs.length; at += 2) {
      if (this.#pairs[at] === name) values.push(this.#pairs[at + 1] ?? '');
    }
    return values;
  }
}

function decodeParameter(text: string): string {
  return decode(text.includes('+') ? text.replaceAll('+', ' ') : text, 'query');
}
