import { type CatalogReader, type ServiceView, topicOf } from '@portolan/core/catalog/reader.ts';
import type { Entry, Health, NodeRecord } from '@portolan/core/catalog/records.ts';
import { blocking, jsonContent, missing, type Read } from './blocking.ts';
import { filterShapes } from './filter-shapes.ts';
import { named } from './health.ts';
import { filtered, isPassing } from './selection.ts';
import {
  type WireObject,
  wireChecksOf,
  wireNode,
  wireNodeChecks,
  wireNodeService,
  wireOwnChecks,
} from './translate-answer.ts';

/** What Consul's console reads, as far as other programs read it too. Not part of Consul's documented API. */

const serviceSummaries: Read = {
  // It counts checks, which the list of services does not follow.
  topic: () => topicOf.all,
  byContent: () => true,
  content(call, catalog) {
    const { datacenter } = call.context.identity;
    const summaries = Iterator.from(catalog.services())
      .filter((view) => view.size > 0)
      .map((view) => wireSummary(catalog, view, datacenter));
    return jsonContent(call, filtered(call, filterShapes.serviceSummary, [...summaries]));
  },
};

/** `GET /v1/internal/ui/services` */
export const services = blocking(serviceSummaries);

function wireSummary(catalog: CatalogReader, view: ServiceView, datacenter: string): WireObject {
  const counts = { passing: 0, warning: 0, critical: 0 };
  const nodes = new Set<string>();
  for (const entry of view.instances()) {
    nodes.add(entry.record.node);
    for (const check of wireChecksOf(catalog, entry)) counts[check.Status as Health] += 1;
  }
  return {
    Name: view.name,
    Datacenter: datacenter,
    Tags: view.tags(),
    Nodes: [...nodes],
    ExternalSources: null,
    InstanceCount: view.size,
    ChecksPassing: counts.passing,
    ChecksWarning: counts.warning,
    ChecksCritical: counts.critical,
    GatewayConfig: {},
    TransparentProxy: false,
    ConnectNative: false,
    ConnectedWithProxy: false,
    ConnectedWithGateway: false,
  };
}

/** `GET /v1/internal/ui/nodes` */
export const nodes = blocking({
  topic: () => topicOf.all,
  byContent: () => true,
  content: (call, catalog) =>
    jsonContent(
      call,
      filtered(
        call,
        filterShapes.node,
        Array.from(catalog.nodes(), (entry) => wireUiNode(catalog, entry)),
      ),
    ),
});

/** `GET /v1/internal/ui/node/:node` */
export const node = blocking({
  topic: (call) => topicOf.node(named(call, 'node name')),
  content(call, catalog) {
    const entry = catalog.node(call.argument);
    return entry === undefined ? missing : jsonContent(call, wireUiNode(catalog, entry));
  },
});

function wireUiNode(catalog: CatalogReader, entry: Entry<NodeRecord>): WireObject {
  const instances = [...catalog.instancesOnNode(entry.record.name)];
  return {
    ...wireNode(entry.record.name, entry),
    PeerName: '',
    Services: instances.map(wireNodeService),
    Checks: [
      ...wireNodeChecks(catalog, entry.record.name),
      ...instances.flatMap((instance) => wireOwnChecks(catalog, instance)),
    ],
  };
}

/** `GET /v1/internal/ui/catalog-overview`: how many of everything are how healthy. */
export const overview = blocking({
  topic: () => topicOf.all,
  byContent: () => true,
  content: (call, catalog) =>
    jsonContent(call, {
      Nodes: [tally('', nodeHealths(catalog))],
      Services: Iterator.from(catalog.services())
        .filter((view) => view.size > 0)
        .map((view) => tally(view.name, instanceHealths(catalog, view)))
        .toArray(),
      Checks: checkTallies(catalog),
    }),
});

function* nodeHealths(catalog: CatalogReader): Iterable<Health> {
  for (const { record } of catalog.nodes()) {
    yield worst(Iterator.from(catalog.nodeChecks(record.name)).map((check) => check.record.status));
  }
}

function* instanceHealths(catalog: CatalogReader, view: ServiceView): Iterable<Health> {
  for (const { record } of view.instances()) {
    const health = catalog.healthOf(record);
    yield health === 'passing' && !isPassing(catalog, record) ? 'critical' : health;
  }
}

function checkTallies(catalog: CatalogReader): readonly WireObject[] {
  const byName = new Map<string, Health[]>();
  for (const { record } of catalog.checks()) {
    const known = byName.get(record.name);
    if (known === undefined) byName.set(record.name, [record.status]);
    else known.push(record.status);
  }
  return Array.from(byName, ([name, healths]) => tally(name, healths));
}

function worst(healths: Iterable<Health>): Health {
  const found = new Set(healths);
  return found.has('critical') ? 'critical' : found.has('warning') ? 'warning' : 'passing';
}

function tally(name: string, healths: Iterable<Health>): WireObject {
  const counts = { passing: 0, warning: 0, critical: 0 };
  for (const health of healths) counts[health] += 1;
  return {
    ...(name === '' ? {} : { Name: name }),
    Total: counts.passing + counts.warning + counts.critical,
    Passing: counts.passing,
    Warning: counts.warning,
    Critical: counts.critical,
  };
}
