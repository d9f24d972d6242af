import type { Balancer, NamedSet } from './balancer.ts';
import { hashKey } from './hash-key.ts';

/**
 * Sessions that stay with their endpoint by a cookie, as Envoy's `stateful_session` does: nothing is stored, any worker understands
 * the cookie of another. The value is a hash of the endpoint's id, not the id: visitors need not know names of machines. It is no
 * secret and no permission: a made-up value leads to some endpoint of the same cluster, or is ignored.
 */
export class StickySessions {
  readonly #set: NamedSet;
  readonly #balancer: Balancer;
  readonly #tokens: readonly string[];
  readonly #byToken = new Map<string, number>();

  /** `balancer` chooses for those who have no cookie, or whose endpoint is not available. */
  constructor(set: NamedSet, balancer: Balancer) {
    this.#set = set;
    this.#balancer = balancer;
    this.#tokens = set.ids.map(stickyToken);
    for (const [index, token] of this.#tokens.entries()) this.#byToken.set(token, index);
  }

  /** The cookie's value for an endpoint. Send it when the request came without it, or with another. */
  token(index: number): string {
    return this.#tokens[index] ?? '';
  }

  /** The endpoint that a cookie's value names, available or not; -1 for an unknown or malformed one. */
  decode(token: string): number {
    return this.#byToken.get(token) ?? -1;
  }

  /** -1 when no endpoint is available. */
  pick(token: string | undefined, keyHash?: number): number {
    const known = token === undefined ? -1 : this.decode(token);
    const usable = known !== -1 && this.#set.available[known] === 1 && (this.#set.weights[known] ?? 1) >= 0;
    return usable ? known : this.#balancer.pick(keyHash);
  }
}

/** 16 hexadecimal digits; the same in every process. */
export function stickyToken(id: string): string {
  return hex(hashKey(id, 0x706f7274)) + hex(hashKey(id, 0x6f6c616e));
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
