import { topicOf } from '@portolan/core/catalog/reader.ts';
import type { Entry, NodeRecord } from '@portolan/core/catalog/records.ts';
import { blocking, jsonContent, missing } from './blocking.ts';
import { type Handler, localJson } from './call.ts';
import { named } from './health.ts';
import type { WireObject } from './translate-answer.ts';

/**
 * Distances are not measured here: every node is where every other is, as Consul's are when they have just started.
 * Source: https://developer.hashicorp.com/consul/api-docs/coordinate
 */
const origin = { Adjustment: 0, Error: 1.5, Height: 0.00001, Vec: [0, 0, 0, 0, 0, 0, 0, 0] } as const;

/** `GET /v1/coordinate/datacenters` */
export const datacenters: Handler = (call) => {
  const { datacenter, node } = call.context.identity;
  const Coordinates = [{ Node: `${node}.${datacenter}`, Segment: '', Coord: origin }];
  return localJson(call, [{ Datacenter: datacenter, AreaID: 'wan', Coordinates }]);
};

/** `GET /v1/coordinate/nodes` */
export const nodes = blocking({
  topic: () => topicOf.nodes,
  content: (call, catalog) => jsonContent(call, Array.from(catalog.nodes(), wireCoordinate)),
});

/** `GET /v1/coordinate/node/:node` */
export const node = blocking({
  topic: (call) => topicOf.node(named(call, 'node name')),
  content(call, catalog) {
    const entry = catalog.node(call.argument);
    return entry === undefined ? missing : jsonContent(call, [wireCoordinate(entry)]);
  },
});

function wireCoordinate({ record }: Entry<NodeRecord>): WireObject {
  return { Node: record.name, Segment: '', Coord: origin };
}
