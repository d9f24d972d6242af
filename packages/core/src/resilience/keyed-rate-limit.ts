import { hashKey } from '../balance/hash-key.ts';
import { TokenBucket, type TokenBucketPolicy } from './token-bucket.ts';

/** About 200 octets each with a short key: 2 MB at most for each limit and worker. */
const defaultMaxKeys = 10_000;

/** A longer key, such as a signed token, is kept as its hash: what strangers send must not decide how much memory a key takes. */
const maxKeyLength = 128;

interface Entry {
  readonly key: string;
  readonly bucket: TokenBucket;
  newer: Entry | undefined;
  older: Entry | undefined;
}

/**
 * A token bucket for each key (client address, API key …). Keys come from strangers, so their number is bounded: the one least
 * recently asked for is forgotten, and begins with a full bucket when it comes back. Whoever can invent keys can therefore
 * push others out; a limit without keys beside this one bounds what that gives.
 */
export class KeyedRateLimit {
  readonly #policy: TokenBucketPolicy;
  readonly #maxKeys: number;
  readonly #entries = new Map<string, Entry>();
  #newest: Entry | undefined;
  #oldest: Entry | undefined;

  constructor(policy: TokenBucketPolicy, maxKeys = defaultMaxKeys) {
    this.#policy = policy;
    this.#maxKeys = Math.max(1, maxKeys);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @param policy of the key's bucket, should there be none yet: several limits may share the memory, each with keys of its own */
  take(key: string, nowMs: number, tokens = 1, policy = this.#policy): boolean {
    return this.#bucket(bounded(key), nowMs, policy).take(nowMs, tokens);
  }

  /** See `TokenBucket.waitMs`. */
  waitMs(key: string, nowMs: number): number {
    return this.#entries.get(bounded(key))?.bucket.waitMs(nowMs) ?? 0;
  }

  #bucket(key: string, nowMs: number, policy: TokenBucketPolicy): TokenBucket {
    const known = this.#entries.get(key);
    if (known !== undefined) {
      if (known !== this.#newest) {
        this.#unlink(known);
        this.#link(known);
      }
      return known.bucket;
    }
    if (this.#entries.size >= this.#maxKeys) this.#forgetOldest();
    const entry = { key, bucket: new TokenBucket(policy, nowMs), newer: undefined, older: undefined };
    this.#entries.set(key, entry);
    this.#link(entry);
    return entry.bucket;
  }

  #forgetOldest(): void {
    const oldest = this.#oldest;
    if (oldest === undefined) return;
    this.#unlink(oldest);
    this.#entries.delete(oldest.key);
  }

  #link(entry: Entry): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest !== undefined) this.#newest.newer = entry;
    this.#newest = entry;
    this.#oldest ??= entry;
  }

  #unlink(entry: Entry): void {
    if (entry.newer === undefined) this.#newest = entry.older;
    else entry.newer.older = entry.older;
    if (entry.older === undefined) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
  }
}

/** Two long keys of the same length and hash share a bucket. No header's value begins with NUL, so no short key is taken for one. */
function bounded(key: string): string {
  return key.length <= maxKeyLength ? key : `\u0000${key.length} ${hashKey(key)} ${hashKey(key, 1)}`;
}
