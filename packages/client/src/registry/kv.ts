import { Fault } from '@portolan/core/base/fault.ts';
import type { Question, RegistryConnection } from './connection.ts';
import { decodeKv, decodeTexts, type KvEntry, parseAnswer } from './decode.ts';
import { segment, withSignal } from './question.ts';

export interface KvRegistry {
  /** Rejects with `not-found`. */
  get(key: string, signal?: AbortSignal): Promise<KvEntry>;
  list(prefix: string, signal?: AbortSignal): Promise<readonly KvEntry[]>;
  keys(prefix: string, signal?: AbortSignal): Promise<readonly string[]>;
  /** False: the guard `cas` did not hold (0 = must not exist). */
  put(key: string, value: Uint8Array, options?: KvPutOptions): Promise<boolean>;
  delete(key: string, options?: KvDeleteOptions): Promise<boolean>;
}

export interface KvPutOptions {
  readonly cas?: number;
  readonly flags?: string;
  readonly signal?: AbortSignal;
}

export interface KvDeleteOptions {
  readonly recurse?: boolean;
  readonly cas?: number;
  readonly signal?: AbortSignal;
}

export function kvOver(connection: RegistryConnection): KvRegistry {
  const get = async (
    key: string,
    query: NonNullable<Question['query']>,
    signal: AbortSignal | undefined,
  ): Promise<unknown> => {
    const answer = await connection.ask({ method: 'GET', path: kvPath(key), query, ...withSignal(signal) });
    return parseAnswer(answer.text);
  };

  return {
    async get(key, signal) {
      const [entry] = decodeKv(await orEmpty(() => get(key, {}, signal)));
      if (entry === undefined) throw new Fault('not-found', `there is no key '${key}'`);
      return entry;
    },
    list: async (prefix, signal) => decodeKv(await orEmpty(() => get(prefix, { recurse: '' }, signal))),
    keys: async (prefix, signal) => decodeTexts(await orEmpty(() => get(prefix, { keys: '' }, signal))),
    async put(key, value, options = {}) {
      const answer = await connection.ask({
        method: 'PUT',
        path: kvPath(key),
        query: { cas: options.cas, flags: options.flags },
        body: value,
        repeatable: options.cas === undefined,
        ...withSignal(options.signal),
      });
      return answer.text.trim() === 'true';
    },
    async delete(key, options = {}) {
      const answer = await connection.ask({
        method: 'DELETE',
        path: kvPath(key),
        query: { recurse: options.recurse ? '' : undefined, cas: options.cas },
        repeatable: options.cas === undefined,
        ...withSignal(options.signal),
      });
      return answer.text.trim() === 'true';
    },
  };
}

/** A key's slashes are its folders; everything else in it is text. */
function kvPath(key: string): string {
  return `v1/kv/${key.split('/').map(segment).join('/')}`;
}

/** Consul answers 404 where no key matches: as a list that is an empty one. */
async function orEmpty(ask: () => Promise<unknown>): Promise<unknown> {
  try {
    return await ask();
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'not-found') return [];
    throw thrown;
  }
}
