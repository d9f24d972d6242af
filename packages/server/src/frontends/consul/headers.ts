import type { View } from '../../contract.ts';
import type { Consistency } from './query.ts';

/** Headers of every answer: access control is off. */
export const commonHeaders: readonly string[] = ['X-Consul-Default-Acl-Policy', 'allow'];

/**
 * Headers of a read, flat. The index is never 0. LastContact is there always: Consul's Go client refuses an answer
 * without it.
 */
export function indexHeaders(
  index: number,
  consistency: Consistency,
  staleForMs: number | undefined,
): readonly string[] {
  return [
    'X-Consul-Index',
    String(Math.max(1, index)),
    'X-Consul-KnownLeader',
    staleForMs === undefined ? 'true' : 'false',
    'X-Consul-LastContact',
    String(Math.round(staleForMs ?? 0)),
    'X-Consul-Effective-Consistency',
    consistency === 'default' ? 'leader' : consistency,
    'X-Consul-Query-Backend',
    'blocking-query',
    ...commonHeaders,
  ];
}

/** Milliseconds since the store was last reached; undefined while it is. */
export function staleForMs(view: View, monotonicMs: number): number | undefined {
  return view.stale === undefined ? undefined : Math.max(0, monotonicMs - view.stale.sinceMonotonicMs);
}
