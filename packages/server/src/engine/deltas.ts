import type { CatalogDelta, CheckTouch } from '@portolan/core/catalog/reader.ts';
import type { TrafficDelta } from '@portolan/core/traffic/model.ts';

/** What several changes touched together, in their order; the revision is the last one's. */
export function mergedDelta(deltas: readonly CatalogDelta[]): CatalogDelta {
  const [first] = deltas;
  if (first !== undefined && deltas.length === 1) return first;
  const services = new Set<string>();
  const nodes = new Set<string>();
  const checks: CheckTouch[] = [];
  const kvKeys: string[] = [];
  const leases: string[] = [];
  let revision = 0;
  let [serviceList, nodeList, checkList, rules] = [false, false, false, false];
  for (const delta of deltas) {
    for (const service of delta.services) services.add(service);
    for (const node of delta.nodes) nodes.add(node);
    for (const check of delta.checks) checks.push(check);
    for (const key of delta.kvKeys) kvKeys.push(key);
    for (const lease of delta.leases) leases.push(lease);
    serviceList ||= delta.serviceList;
    nodeList ||= delta.nodeList;
    checkList ||= delta.checkList;
    rules ||= delta.rules;
    revision = delta.revision;
  }
  return { revision, services, serviceList, nodes, nodeList, checks, checkList, kvKeys, rules, leases };
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
  leases: [],
};

export const noTraffic: TrafficDelta = { listeners: new Set(), virtualHosts: new Set(), clusters: new Set() };
