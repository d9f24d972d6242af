import type { Random } from '../base/clock.ts';
import type { Labels } from '../base/labels.ts';
import { type Balancer, type BalancerFactory, type BalanceSet, outside } from './balancer.ts';

/** Whom a route gets that asks for a subset nobody is in. Envoy's fallback policies. */
export type SubsetFallback =
  | { readonly kind: 'none' }
  | { readonly kind: 'any' }
  | { readonly kind: 'subset'; readonly labels: Labels };

/**
 * Parts of a cluster by label, such as the endpoints with `version: v2`. Each has its own balancer over the same set, made when it is
 * first asked for. Asking costs a pass over the endpoints at first and a look-up later: routes ask when they are compiled.
 */
export class Subsets {
  readonly #set: BalanceSet;
  readonly #labels: readonly Labels[];
  readonly #create: BalancerFactory;
  readonly #random: Random;
  readonly #made = new Map<string, Balancer | undefined>();

  constructor(set: BalanceSet, labels: readonly Labels[], create: BalancerFactory, random: Random) {
    this.#set = set;
    this.#labels = labels;
    this.#create = create;
    this.#random = random;
  }

  /** The balancer for endpoints that have all of `wanted`, or what the fallback says; undefined: nobody. */
  find(wanted: Labels, fallback: SubsetFallback): Balancer | undefined {
    const found = this.#exactly(wanted);
    if (found !== undefined || fallback.kind === 'none') return found;
    return fallback.kind === 'any' ? this.#whole() : this.#exactly(fallback.labels);
  }

  refresh(nowMs: number): void {
    for (const balancer of this.#made.values()) balancer?.refresh?.(nowMs);
  }

  #whole(): Balancer | undefined {
    return this.#remember('[]', () => this.#create(this.#set, this.#random));
  }

  #exactly(wanted: Labels): Balancer | undefined {
    const pairs = Object.entries(wanted).sort(([left], [right]) => (left < right ? -1 : 1));
    return this.#remember(JSON.stringify(pairs), () => {
      const isIn = (index: number): boolean =>
        pairs.every(([name, value]) => this.#labels[index]?.[name] === value);
      const weights = this.#set.weights.map((weight, index) => (isIn(index) ? weight : outside));
      if (weights.every((weight) => weight < 0)) return undefined;
      return this.#create({ ...this.#set, weights }, this.#random);
    });
  }

  #remember(key: string, make: () => Balancer | undefined): Balancer | undefined {
    if (!this.#made.has(key)) this.#made.set(key, make());
    return this.#made.get(key);
  }
}
