import type { CatalogReader } from '@portolan/core/catalog/reader.ts';
import type { CheckRecord, Entry, Health, InstanceRecord, Probe } from '@portolan/core/catalog/records.ts';
import { cutOutput, output } from './output.ts';
import type { ProbeResult } from './probe.ts';

export type AliasProbe = Extract<Probe, { type: 'alias' }>;

/** How long after one judgement the next may come: aliases of each other must not chase each other without an end. */
const restMs = 1_000;

/**
 * What an alias check says: the worst of the aliased instance's checks and of its node's own, itself left out. An administrator's state
 * counts as Consul's maintenance check does. An instance that does not exist is critical; a node without checks is passing.
 */
export function judgeAlias(catalog: CatalogReader, check: CheckRecord, probe: AliasProbe): ProbeResult {
  const node = probe.node === '' ? check.node : probe.node;
  const instance = probe.instance === '' ? undefined : catalog.instanceOnNode(node, probe.instance)?.record;
  if (probe.instance !== '' && instance === undefined) {
    return { status: 'critical', output: output.aliasMissing(probe.instance, node) };
  }
  const down = inMaintenance(catalog, node, instance);
  if (down !== undefined) return { status: 'critical', output: cutOutput(down) };
  let worst: Entry<CheckRecord> | undefined;
  let any = false;
  for (const checks of [
    catalog.nodeChecks(node),
    instance === undefined ? [] : catalog.checksOfInstance(instance),
  ]) {
    for (const entry of checks) {
      if (entry.record.node === check.node && entry.record.id === check.id) continue;
      any = true;
      if (worst === undefined || rank[entry.record.status] > rank[worst.record.status]) worst = entry;
    }
  }
  if (!any || worst === undefined) return { status: 'passing', output: output.aliasNothing };
  const { status, name, output: itsOutput } = worst.record;
  if (status === 'passing') return { status, output: output.aliasPassing };
  return { status, output: cutOutput(output.aliasFailing(name, itsOutput)) };
}

const rank: Readonly<Record<Health, number>> = { passing: 0, warning: 1, critical: 2 };

/** Said as the checks that Consul shows for maintenance. */
function inMaintenance(
  catalog: CatalogReader,
  node: string,
  instance: InstanceRecord | undefined,
): string | undefined {
  const machine = catalog.node(node)?.record;
  if (machine !== undefined && machine.adminState !== 'in-service') {
    return output.aliasFailing('Node Maintenance Mode', machine.adminReason);
  }
  if (instance !== undefined && instance.adminState !== 'in-service') {
    return output.aliasFailing('Service Maintenance Mode', instance.adminReason);
  }
  return undefined;
}

interface Followed {
  readonly node: string;
  notBeforeMs: number;
}

/** Which alias checks are to be judged anew: those whose node was touched, each at most once a second. */
export class Aliases<T> {
  readonly #followed = new Map<T, Followed>();
  readonly #byNode = new Map<string, Set<T>>();
  readonly #due = new Set<T>();

  /** Judged with the next `advanceTo`. */
  add(alias: T, node: string): void {
    this.#followed.set(alias, { node, notBeforeMs: 0 });
    const there = this.#byNode.get(node);
    if (there === undefined) this.#byNode.set(node, new Set([alias]));
    else there.add(alias);
    this.#due.add(alias);
  }

  remove(alias: T): void {
    const followed = this.#followed.get(alias);
    if (followed === undefined) return;
    this.#followed.delete(alias);
    this.#due.delete(alias);
    const there = this.#byNode.get(followed.node);
    there?.delete(alias);
    if (there?.size === 0) this.#byNode.delete(followed.node);
  }

  /** To be called for every change. */
  touch(nodes: ReadonlySet<string>): void {
    if (this.#byNode.size === 0) return;
    for (const node of nodes) {
      for (const alias of this.#byNode.get(node) ?? []) this.#due.add(alias);
    }
  }

  again(alias: T): void {
    if (this.#followed.has(alias)) this.#due.add(alias);
  }

  advanceTo(nowMs: number, judge: (alias: T) => void): void {
    for (const alias of this.#due) {
      const followed = this.#followed.get(alias);
      if (followed !== undefined && nowMs < followed.notBeforeMs) continue;
      this.#due.delete(alias);
      if (followed === undefined) continue;
      followed.notBeforeMs = nowMs + restMs;
      judge(alias);
    }
  }
}
