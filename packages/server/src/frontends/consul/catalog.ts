import { type CatalogReader, topicOf } from '@portolan/core/catalog/reader.ts';
import { jsonContent, type Read } from './blocking.ts';
import { type Call, type Handler, localJson } from './call.ts';
import { filterShapes } from './filter-shapes.ts';
import { named } from './health.ts';
import { nodeMeta } from './query.ts';
import { filtered, filterOf, nearFirst, nodeHas, selectInstances } from './selection.ts';
import { wireCatalogService, wireNode, wireNodeService } from './translate-answer.ts';

/** `GET /v1/catalog/datacenters`: this one. */
export const datacenters: Handler = (call) => localJson(call, [call.context.identity.datacenter]);

/** `GET /v1/catalog/services`: every name with its tags. */
export const serviceList: Read = {
  // Which nodes have the metadata is not what `services` follows.
  topic: (call) => (call.query.has('node-meta') ? topicOf.all : topicOf.services),
  index: (call, catalog) =>
    call.query.has('node-meta') ? indexOfNodes(call, catalog) : catalog.indexOf(topicOf.services),
  byContent: (call) => call.query.has('node-meta'),
  content(call, catalog) {
    const meta = nodeMeta(call.query);
    const filter = filterOf(call, filterShapes.serviceNames);
    const services: Record<string, readonly string[]> = Object.create(null);
    for (const view of catalog.services()) {
      if (view.size === 0) continue;
      const tags =
        meta.length === 0
          ? view.tags()
          : tagsOnNodes(view.instances(), (node) => nodeHas(catalog, node, meta));
      if (tags === undefined) continue;
      if (filter?.({ ServiceName: view.name, ServiceTags: tags }) === false) continue;
      services[view.name] = tags;
    }
    return jsonContent(call, services);
  },
};

/** When the list of nodes last moved, or one of those with the wanted metadata. */
function indexOfNodes(call: Call, catalog: CatalogReader): number {
  const meta = nodeMeta(call.query);
  let index = catalog.indexOf(topicOf.nodes);
  for (const { record } of catalog.nodes()) {
    if (nodeHas(catalog, record.name, meta)) {
      index = Math.max(index, catalog.indexOf(topicOf.node(record.name)));
    }
  }
  return index;
}

/** The tags of the instances on the wanted nodes; undefined: there is no such instance. */
function tagsOnNodes(
  instances: Iterable<{ readonly record: { readonly node: string; readonly tags: readonly string[] } }>,
  wanted: (node: string) => boolean,
): readonly string[] | undefined {
  const tags = new Set<string>();
  let any = false;
  for (const { record } of instances) {
    if (!wanted(record.node)) continue;
    any = true;
    for (const tag of record.tags) tags.add(tag);
  }
  return any ? [...tags].sort() : undefined;
}

/** `GET /v1/catalog/service/:service` */
export const serviceInstances: Read = {
  topic: (call) => topicOf.service(named(call, 'service name')),
  content(call, catalog) {
    const items = selectInstances(call, catalog).map((entry) =>
      wireCatalogService(catalog.node(entry.record.node), entry),
    );
    return jsonContent(call, filtered(call, filterShapes.catalogService, items));
  },
};

/** `GET /v1/catalog/nodes` */
export const nodeList: Read = {
  topic: () => topicOf.nodes,
  content(call, catalog) {
    const meta = nodeMeta(call.query);
    const nodes = [...catalog.nodes()]
      .filter((entry) => meta.length === 0 || nodeHas(catalog, entry.record.name, meta))
      .map((entry) => wireNode(entry.record.name, entry));
    const near = nearFirst(call, nodes, (node) => String(node.Node));
    return jsonContent(call, filtered(call, filterShapes.node, near));
  },
};

/** `GET /v1/catalog/node/:node`; `null` for one that does not exist. */
export const nodeWithServices: Read = {
  topic: (call) => topicOf.node(named(call, 'node name')),
  content(call, catalog) {
    const node = catalog.node(call.argument);
    if (node === undefined) return jsonContent(call, null);
    const filter = filterOf(call, filterShapes.service);
    const services: Record<string, unknown> = Object.create(null);
    for (const entry of catalog.instancesOnNode(call.argument)) {
      const service = wireNodeService(entry);
      if (filter?.(service) !== false) services[entry.record.id] = service;
    }
    return jsonContent(call, { Node: wireNode(call.argument, node), Services: services });
  },
};

/** `GET /v1/catalog/node-services/:node`: the same as a list. */
export const servicesOfNode: Read = {
  topic: (call) => topicOf.node(named(call, 'node name')),
  content(call, catalog) {
    const node = catalog.node(call.argument);
    if (node === undefined) return jsonContent(call, { Node: null, Services: [] });
    const services = Array.from(catalog.instancesOnNode(call.argument), wireNodeService);
    return jsonContent(call, {
      Node: wireNode(call.argument, node),
      Services: filtered(call, filterShapes.service, services),
    });
  },
};
