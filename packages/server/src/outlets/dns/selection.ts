import type { PreparedQuery } from '@portolan/core/catalog/prepared-query.ts';
import { runPreparedQuery } from '@portolan/core/catalog/prepared-query-run.ts';
import type { ServiceView } from '@portolan/core/catalog/reader.ts';
import type { Health, InstanceRecord, NodeRecord } from '@portolan/core/catalog/records.ts';
import type { Directory } from './directory.ts';
import type { ServiceReading } from './lookup.ts';
import type { Zone } from './zone.ts';

/** An instance that may be told to clients. */
export interface Candidate {
  readonly instance: InstanceRecord;
  /** Absent: registered on a node that has no record. */
  readonly node: NodeRecord | undefined;
  /** Of its present health, 0 to 65,535. */
  readonly weight: number;
}

/** What a service lookup found. */
export interface Selection {
  readonly service: ServiceView;
  readonly tag: string;
  readonly candidates: readonly Candidate[];
}

/**
 * The first reading that some instance answers to, else the first whose service exists. An instance counts for a tag whatever
 * its health, so that `primary.db` does not turn into service `primary.db` of another meaning when its instance fails.
 */
export function select(
  directory: Directory,
  readings: readonly ServiceReading[],
  datacenter: string | undefined,
  zone: Zone,
): Selection | undefined {
  let fallback: Selection | undefined;
  for (const reading of readings) {
    const service = serviceNamed(directory, reading.service);
    if (service === undefined) continue;
    const tagged = [...service.instances()]
      .map((entry) => entry.record)
      .filter((instance) => hasTag(instance, reading.tag));
    const ignoresTag = tagged.length === 0 && reading.transport;
    const instances = ignoresTag ? [...service.instances()].map((entry) => entry.record) : tagged;
    if (instances.length > 0) {
      const candidates = eligible(directory, instances, datacenter ?? zone.datacenter, zone);
      return { service, tag: ignoresTag ? '' : reading.tag, candidates };
    }
    fallback ??= { service, tag: reading.tag, candidates: [] };
  }
  return fallback;
}

/** Of services that differ in case only: the one that is lower case itself, else the first. They are never mixed. */
function serviceNamed(directory: Directory, foldedName: string): ServiceView | undefined {
  const services = directory.catalog.servicesByFoldedName(foldedName);
  return services.find((service) => service.name === foldedName) ?? services[0];
}

function hasTag(instance: InstanceRecord, foldedTag: string): boolean {
  return foldedTag === '' || instance.tags.some((tag) => tag.toLowerCase() === foldedTag);
}

function eligible(
  directory: Directory,
  instances: readonly InstanceRecord[],
  datacenter: string,
  zone: Zone,
): Candidate[] {
  const candidates: Candidate[] = [];
  for (const instance of instances) {
    if (instance.adminState !== 'in-service') continue;
    const node = directory.catalog.node(instance.node)?.record;
    if (!isInDatacenter(node, datacenter, zone)) continue;
    if (node !== undefined && node.adminState !== 'in-service') continue;
    const health = directory.catalog.healthOf(instance);
    if (health === 'critical' || (health === 'warning' && zone.onlyPassing)) continue;
    candidates.push({ instance, node, weight: weightOf(instance, health) });
  }
  return candidates;
}

/** What a prepared query gives, the nearest node's first. Its own rules say what is healthy enough. */
export function selectByQuery(directory: Directory, query: PreparedQuery): Candidate[] {
  const { near } = query.service;
  const candidates = runPreparedQuery(directory.catalog, query).map(({ record: instance }) => ({
    instance,
    node: directory.catalog.node(instance.node)?.record,
    weight: weightOf(instance, directory.catalog.healthOf(instance)),
  }));
  return near === ''
    ? candidates
    : candidates.sort((left, right) => distance(left, near) - distance(right, near));
}

/** All that is known of distances: a node is nearest to itself. */
function distance({ instance }: Candidate, near: string): number {
  return instance.node === near ? 0 : 1;
}

/** A node that says nothing about it is in our own datacenter. */
export function isInDatacenter(node: NodeRecord | undefined, datacenter: string, zone: Zone): boolean {
  const own = node === undefined || node.datacenter === '' ? zone.datacenter : node.datacenter.toLowerCase();
  return own === datacenter;
}

function weightOf({ weights }: InstanceRecord, health: Health): number {
  return clampWeight(health === 'passing' ? weights.passing : weights.warning);
}

function clampWeight(weight: number): number {
  return Math.min(Math.max(Math.trunc(weight), 0), 65_535) || 0;
}
