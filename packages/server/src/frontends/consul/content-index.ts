import { createHash } from 'node:crypto';

/**
 * For reads that see less than any topic covers: the index at which what a target is answered with was last seen to change, so that an
 * unrelated write moves nothing. Bounded in number, the oldest goes first; one that was forgotten costs a waiter an answer that says
 * what it knew.
 */
export interface ContentIndexes {
  /**
   * `bound` is an index that moves at least when the content does, and never back. `content` is asked for only where that has
   * moved since the last time.
   */
  index(target: string, bound: number, content: () => Buffer | undefined): number;
}

interface Seen {
  readonly digest: string;
  /** Up to where the content is known to be the same. */
  bound: number;
  readonly index: number;
}

export function contentIndexes(maxTargets: number): ContentIndexes {
  const kept = new Map<string, Seen>();
  return {
    index(target, bound, content) {
      const seen = kept.get(target);
      if (seen?.bound === bound) return seen.index;
      const digest = digestOf(content());
      if (seen?.digest === digest) {
        seen.bound = bound;
        return seen.index;
      }
      kept.delete(target);
      for (const oldest of kept.keys()) {
        if (kept.size < maxTargets) break;
        kept.delete(oldest);
      }
      kept.set(target, { digest, bound, index: bound });
      return bound;
    },
  };
}

function digestOf(content: Buffer | undefined): string {
  return createHash('sha256')
    .update(content ?? '')
    .digest('base64');
}
