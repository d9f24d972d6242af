import { addressRules } from '../../base/address-rules.ts';
import { labelsFrom, noLabels } from '../../base/labels.ts';
import type { CatalogReader } from '../../catalog/reader.ts';
import type { InstanceRecord } from '../../catalog/records.ts';
import { type ServiceKey, splitServiceKey } from '../derived-names.ts';
import { type EndpointSet, endpointsOf, type InstanceChoice, noEndpoints } from '../endpoints.ts';
import type { Endpoint } from '../model.ts';
import type { OwnListeners } from '../own-listeners.ts';
import type { FixedEndpoint } from './contract.ts';
import { matchesAll } from './instance-labels.ts';
import { createLabelIndex } from './label-index.ts';
import { type EndpointSource, type PortChoice, sourceId } from './source.ts';

/**
 * The endpoints of every source that some cluster has, kept up service by service: a change of one instance costs what the sources cost
 * in which its service is.
 */
export interface SourceTable {
  /** Before anything else of an update. */
  begin(catalog: CatalogReader, own: OwnListeners): void;
  /** Keeps the source while it is held; gives its id. */
  hold(source: EndpointSource): string;
  release(id: string): void;
  endpoints(id: string): readonly Endpoint[];
  /** Ids of those whose endpoints are others now. */
  serviceChanged(key: ServiceKey): readonly string[];
  clear(): void;
}

interface Held {
  readonly source: EndpointSource;
  readonly choice: InstanceChoice | undefined;
  /** By service, the instances of it that belong to the source. */
  readonly parts: Map<ServiceKey, EndpointSet>;
  endpoints: readonly Endpoint[];
  holders: number;
}

const nothing: readonly Endpoint[] = Object.freeze([]);
const rules = addressRules();

/** @param planned what the plan of a registered service has: all of its instances at their own ports */
export function createSourceTable(planned: (key: ServiceKey) => EndpointSet | undefined): SourceTable {
  const held = new Map<string, Held>();
  /** Sources that name a service, by it. */
  const named = new Map<ServiceKey, Set<string>>();
  let catalog: CatalogReader;
  let own: OwnListeners;
  const index = createLabelIndex(() => catalog);

  function partOf({ choice, parts }: Held, key: ServiceKey): EndpointSet {
    if (choice === undefined) return planned(key) ?? noEndpoints;
    const { namespace, name } = splitServiceKey(key);
    const service = catalog.service(name, namespace);
    if (service === undefined) return noEndpoints;
    return endpointsOf(catalog, service, parts.get(key) ?? noEndpoints, own, choice);
  }

  function writePart(item: Held, key: ServiceKey): boolean {
    const part = partOf(item, key);
    if ((item.parts.get(key) ?? noEndpoints).endpoints === part.endpoints) {
      if (item.parts.has(key)) item.parts.set(key, part);
      return false;
    }
    if (part.endpoints.length === 0) item.parts.delete(key);
    else item.parts.set(key, part);
    return true;
  }

  function fill(id: string, item: Held): void {
    const { source } = item;
    if (source.type === 'fixed') {
      item.endpoints = fixedEndpoints(source.endpoints, own);
      return;
    }
    if (source.service !== undefined) {
      const key = `${source.namespace}/${source.service}`;
      const ids = named.get(key);
      if (ids === undefined) named.set(key, new Set([id]));
      else ids.add(id);
      writePart(item, key);
    } else {
      for (const key of index.watch(id, source.namespace, source.labels)) writePart(item, key);
    }
    item.endpoints = joined(item);
  }

  return {
    begin(nextCatalog, nextOwn) {
      catalog = nextCatalog;
      own = nextOwn;
    },

    hold(source) {
      const id = sourceId(source);
      const present = held.get(id);
      if (present !== undefined) {
        present.holders += 1;
        return id;
      }
      const item: Held = {
        source,
        choice: choiceOf(source),
        parts: new Map(),
        endpoints: nothing,
        holders: 1,
      };
      held.set(id, item);
      fill(id, item);
      return id;
    },

    release(id) {
      const item = held.get(id);
      if (item === undefined || --item.holders > 0) return;
      held.delete(id);
      if (item.source.type === 'fixed') return;
      if (item.source.service === undefined) {
        index.unwatch(id);
        return;
      }
      const key = `${item.source.namespace}/${item.source.service}`;
      const ids = named.get(key);
      ids?.delete(id);
      if (ids?.size === 0) named.delete(key);
    },

    endpoints: (id) => held.get(id)?.endpoints ?? nothing,

    serviceChanged(key) {
      const { namespace, name } = splitServiceKey(key);
      const changed: string[] = [];
      const write = (id: string): void => {
        const item = held.get(id);
        if (item === undefined || !writePart(item, key)) return;
        item.endpoints = joined(item);
        changed.push(id);
      };
      for (const id of named.get(key) ?? []) write(id);
      for (const id of index.serviceChanged(key, catalog.service(name, namespace))) write(id);
      return changed;
    },

    clear() {
      held.clear();
      named.clear();
      index.clear();
    },
  };
}

/** Undefined: what the plan of the service has anyway. */
function choiceOf(source: EndpointSource): InstanceChoice | undefined {
  if (source.type === 'fixed') return undefined;
  const { labels, port, notReady } = source;
  const plain = port.type === 'registered' && port.otherwise === 0;
  if (source.service !== undefined && labels.length === 0 && plain && !notReady) return undefined;
  return {
    takes: (record) => matchesAll(record, labels),
    portOf: (record) => portOf(record, port),
    notReady,
  };
}

function portOf(record: InstanceRecord, choice: PortChoice): number {
  switch (choice.type) {
    case 'registered':
      return record.port === 0 ? choice.otherwise : record.port;
    case 'number':
      return choice.port;
    case 'name':
      return portNamed(record, choice.name) ?? record.port;
  }
}

/** `port.NAME` in its metadata, or a tagged address of that name. */
function portNamed({ metadata, taggedAddresses }: InstanceRecord, name: string): number | undefined {
  const key = `port.${name}`;
  const said = Object.hasOwn(metadata, key) ? Number(metadata[key]) : Number.NaN;
  if (Number.isInteger(said) && said > 0 && said <= 65_535) return said;
  return Object.hasOwn(taggedAddresses, name) ? taggedAddresses[name]?.port : undefined;
}

/** In order of service. What a selector finds twice at one address and port is one workload under two names. */
function joined({ source, parts }: Held): readonly Endpoint[] {
  const [only] = parts.values();
  if (only === undefined) return nothing;
  const inOrder =
    parts.size === 1
      ? only.endpoints
      : [...parts.keys()].sort().flatMap((key) => parts.get(key)?.endpoints ?? nothing);
  return source.type === 'instances' && source.service === undefined ? withoutRepeats(inOrder) : inOrder;
}

/** The same list where nothing is there twice. */
export function withoutRepeats(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const seen = new Set<string>();
  for (const { address, port } of endpoints) seen.add(`${address} ${port}`);
  if (seen.size === endpoints.length)
    return Object.isFrozen(endpoints) ? endpoints : Object.freeze(endpoints);
  const first = endpoints.filter(({ address, port }) => seen.delete(`${address} ${port}`));
  return Object.freeze(first);
}

function fixedEndpoints(fixed: readonly FixedEndpoint[], own: OwnListeners): readonly Endpoint[] {
  const endpoints: Endpoint[] = [];
  for (const { address, port, labels, weight = 1, draining = false } of fixed) {
    if (!rules.allowsHost(address) || own.includes(address, port)) continue;
    endpoints.push(
      Object.freeze({
        id: `${address}:${port}`,
        address,
        port,
        weight,
        state: draining ? 'draining' : 'healthy',
        labels: labels === undefined ? noLabels : labelsFrom(labels),
      }),
    );
  }
  return withoutRepeats(Object.freeze(endpoints));
}
