import type { RoutePolicies } from '@portolan/core/traffic/model.ts';
import { type Denial, denial, type PolicyState, type PolicyStep } from './step.ts';

/**
 * How many requests of a route may be under way at once, as nginx's `limit_conn` counts: a connection at rest is none. Divided among
 * the workers as rate limits are: that of the route is, that of an address is not.
 */
export class ConnectionLimitStep implements PolicyStep {
  readonly credential = false;
  readonly #max: number;
  readonly #byAddress: boolean;
  readonly #denied: Denial;
  /** Only of those with something under way. */
  readonly #underWay = new Map<string, number>();

  constructor({ max, by, status }: NonNullable<RoutePolicies['connectionLimit']>, workers: number) {
    this.#byAddress = by === 'source-address';
    this.#max = this.#byAddress ? max : Math.ceil(max / workers);
    this.#denied = denial(status, 'connection-limited', 'too many requests at the same time');
  }

  check(_request: unknown, { view, releases }: PolicyState): Denial | undefined {
    const key = this.#byAddress ? view.clientAddress : '';
    const count = this.#underWay.get(key) ?? 0;
    if (count >= this.#max) return this.#denied;
    this.#underWay.set(key, count + 1);
    releases.push(() => this.#leave(key));
    return undefined;
  }

  #leave(key: string): void {
    const count = this.#underWay.get(key) ?? 1;
    if (count <= 1) this.#underWay.delete(key);
    else this.#underWay.set(key, count - 1);
  }
}
