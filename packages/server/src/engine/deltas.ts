import type { CatalogDelta, CheckTouch } from '@portolan/core/catalog/reader.ts';

/** What several changes touched together, in their order; the revision is the last one's. */
export function mergedDelta(deltas: readonly CatalogDelta[]): CatalogDelta {
  const [first] = deltas;
  if (first !== undefined && deltas.length === 1) return first;
  const sum = new DeltaSum();
  for (const delta of deltas) sum.add(delta);
  return sum.take();
}

/** Changes put together as they come: each costs what it touches, however much waits already. */
export class DeltaSum {
  #first: CatalogDelta | undefined;
  #sum: MutableDelta | undefined;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  add(delta: CatalogDelta): void {
    if (this.#first === undefined) {
      this.#first = delta;
      return;
    }
    if (this.#sum === undefined) {
      this.#sum = startOfSum();
      addTo(this.#sum, this.#first);
    }
    addTo(this.#sum, delta);
  }

  /** The sum so far; the next one starts from nothing. A single change comes back as it is. */
  take(): CatalogDelta {
    const taken = this.#sum ?? this.#first ?? nothing;
    this.#first = undefined;
    this.#sum = undefined;
    return taken;
  }
}

interface MutableDelta extends CatalogDelta {
  revision: number;
  readonly services: Set<string>;
  serviceList: boolean;
  readonly nodes: Set<string>;
  nodeList: boolean;
  readonly checks: CheckTouch[];
  checkList: boolean;
  readonly kvKeys: string[];
  rules: boolean;
  readonly ruleKeys: Set<string>;
  readonly leases: string[];
}

function startOfSum(): MutableDelta {
  return {
    ...{
      revision: 0,
      services: new Set<string>(),
      serviceList: false,
      nodes: new Set<string>(),
      nodeList: false,
    },
    ...{ checks: [], checkList: false, kvKeys: [], rules: false, ruleKeys: new Set<string>(), leases: [] },
  };
}

function addTo(sum: MutableDelta, delta: CatalogDelta): void {
  for (const service of delta.services) sum.services.add(service);
  for (const node of delta.nodes) sum.nodes.add(node);
  for (const check of delta.checks) sum.checks.push(check);
  for (const key of delta.kvKeys) sum.kvKeys.push(key);
  for (const lease of delta.leases) sum.leases.push(lease);
  sum.serviceList ||= delta.serviceList;
  sum.nodeList ||= delta.nodeList;
  sum.checkList ||= delta.checkList;
  sum.rules ||= delta.rules;
  for (const key of delta.ruleKeys) sum.ruleKeys.add(key);
  sum.revision = delta.revision;
}

/** A delta that touches nothing. */
export function emptyDelta(revision: number): CatalogDelta {
  return { ...nothing, revision };
}

const nothing: CatalogDelta = {
  revision: 0,
  services: new Set(),
  serviceList: false,
  nodes: new Set(),
  nodeList: false,
  checks: [],
  checkList: false,
  kvKeys: [],
  rules: false,
  ruleKeys: new Set(),
  leases: [],
};
