import { isIP } from 'node:net';
import type { CatalogReader } from '@portolan/core/catalog/reader.ts';
import type { CheckRecord, Entry, InstanceRecord, NodeRecord } from '@portolan/core/catalog/records.ts';
import { formatGoDuration } from './go-duration.ts';

/**
 * Records as Consul's API shows them. Maps whose keys come from users have no prototype; field order is Consul's.
 */
export type WireObject = Readonly<Record<string, unknown>>;

export function wireNode(name: string, entry: Entry<NodeRecord> | undefined): WireObject {
  const record = entry?.record;
  return {
    ID: record?.id ?? '',
    Node: name,
    Address: record?.address ?? '',
    Datacenter: record?.datacenter ?? '',
    TaggedAddresses: record?.taggedAddresses ?? {},
    Meta: record?.metadata ?? {},
    CreateIndex: entry?.createRevision ?? 0,
    ModifyIndex: entry?.modifyRevision ?? 0,
  };
}

/** `Service` in the answers of `health/service` and `catalog/node`. */
export function wireNodeService(entry: Entry<InstanceRecord>): WireObject {
  const { record } = entry;
  return {
    ...(kept(record, 'Kind') === undefined ? {} : { Kind: kept(record, 'Kind') }),
    ID: record.id,
    Service: record.service,
    Tags: record.tags,
    Address: record.address,
    TaggedAddresses: taggedAddresses(record),
    Meta: record.metadata,
    Port: record.port,
    ...(kept(record, 'SocketPath') === undefined ? {} : { SocketPath: kept(record, 'SocketPath') }),
    Weights: wireWeights(record),
    EnableTagOverride: record.enableTagOverride,
    Proxy: kept(record, 'Proxy') ?? noProxy,
    Connect: kept(record, 'Connect') ?? {},
    PeerName: '',
    CreateIndex: entry.createRevision,
    ModifyIndex: entry.modifyRevision,
  };
}

/** An item of `catalog/service`. */
export function wireCatalogService(
  node: Entry<NodeRecord> | undefined,
  entry: Entry<InstanceRecord>,
): WireObject {
  const { record } = entry;
  return {
    ID: node?.record.id ?? '',
    Node: record.node,
    Address: node?.record.address ?? '',
    Datacenter: node?.record.datacenter ?? '',
    TaggedAddresses: node?.record.taggedAddresses ?? {},
    NodeMeta: node?.record.metadata ?? {},
    ServiceKind: kept(record, 'Kind') ?? '',
    ServiceID: record.id,
    ServiceName: record.service,
    ServiceTags: record.tags,
    ServiceAddress: record.address,
    ServiceTaggedAddresses: taggedAddresses(record),
    ServiceWeights: wireWeights(record),
    ServiceMeta: record.metadata,
    ServicePort: record.port,
    ServiceSocketPath: kept(record, 'SocketPath') ?? '',
    ServiceEnableTagOverride: record.enableTagOverride,
    ServiceProxy: kept(record, 'Proxy') ?? noProxy,
    ServiceConnect: kept(record, 'Connect') ?? {},
    ServiceLocality: kept(record, 'Locality') ?? null,
    CreateIndex: entry.createRevision,
    ModifyIndex: entry.modifyRevision,
  };
}

/** An item of `agent/services`. */
export function wireAgentService(record: InstanceRecord, datacenter: string): WireObject {
  return {
    ...(kept(record, 'Kind') === undefined ? {} : { Kind: kept(record, 'Kind') }),
    ID: record.id,
    Service: record.service,
    Tags: record.tags,
    Meta: record.metadata,
    Port: record.port,
    Address: record.address,
    ...(kept(record, 'SocketPath') === undefined ? {} : { SocketPath: kept(record, 'SocketPath') }),
    TaggedAddresses: taggedAddresses(record),
    Weights: wireWeights(record),
    EnableTagOverride: record.enableTagOverride,
    ...(kept(record, 'Proxy') === undefined ? {} : { Proxy: kept(record, 'Proxy') }),
    ...(kept(record, 'Connect') === undefined ? {} : { Connect: kept(record, 'Connect') }),
    Datacenter: datacenter,
  };
}

const noProxy = { Mode: '', MeshGateway: {}, Expose: {} };

function kept(record: InstanceRecord, name: string): unknown {
  return record.extra?.[`consul.${name}`];
}

function wireWeights(record: InstanceRecord): WireObject {
  return { Passing: record.weights.passing, Warning: record.weights.warning };
}

/** An agent adds the tags of the address' own family to those that a registration gives. */
function taggedAddresses(record: InstanceRecord): WireObject {
  const addresses: Record<string, unknown> = Object.create(null);
  const family = record.origin.source === 'agent' ? isIP(record.address) : 0;
  if (family !== 0) {
    const own = { Address: record.address, Port: record.port };
    addresses[`lan_ipv${family}`] = own;
    addresses[`wan_ipv${family}`] = own;
  }
  for (const [tag, { address, port }] of Object.entries(record.taggedAddresses)) {
    addresses[tag] = { Address: address, Port: port };
  }
  return addresses;
}

/** `output`: newer than the record's, where there is one. */
export function wireCheck(
  entry: Entry<CheckRecord>,
  instance: InstanceRecord | undefined,
  output = entry.record.output,
): WireObject {
  const { record } = entry;
  const { definition } = record;
  return {
    Node: record.node,
    CheckID: record.id,
    Name: record.name,
    Status: record.status,
    Notes: record.notes,
    Output: output,
    ServiceID: record.instance?.id ?? '',
    ServiceName: record.instance?.service ?? '',
    ServiceTags: instance?.tags ?? [],
    Type: definition?.probe.type ?? '',
    Interval: definition === undefined ? '' : formatGoDuration(definition.intervalMs),
    Timeout: definition === undefined ? '' : formatGoDuration(definition.timeoutMs),
    ExposedPort: 0,
    Definition: record.extra?.['consul.Definition'] ?? {},
    CreateIndex: entry.createRevision,
    ModifyIndex: entry.modifyRevision,
  };
}

const maintenance = {
  Status: 'critical',
  Output: '',
  Type: 'maintenance',
  Interval: '',
  Timeout: '',
  ExposedPort: 0,
  Definition: {},
};

export const nodeMaintenanceId = '_node_maintenance';
export const serviceMaintenancePrefix = '_service_maintenance:';

/** Maintenance as Consul's clients see it: a critical check. Undefined while the node is in service. */
export function wireNodeMaintenance(entry: Entry<NodeRecord> | undefined): WireObject | undefined {
  if (entry === undefined || entry.record.adminState === 'in-service') return undefined;
  return {
    Node: entry.record.name,
    CheckID: nodeMaintenanceId,
    Name: 'Node Maintenance Mode',
    Notes: entry.record.adminReason,
    ServiceID: '',
    ServiceName: '',
    ServiceTags: [],
    ...maintenance,
    CreateIndex: entry.modifyRevision,
    ModifyIndex: entry.modifyRevision,
  };
}

export function wireServiceMaintenance(entry: Entry<InstanceRecord>): WireObject | undefined {
  const { record } = entry;
  if (record.adminState === 'in-service') return undefined;
  return {
    Node: record.node,
    CheckID: serviceMaintenancePrefix + record.id,
    Name: 'Service Maintenance Mode',
    Notes: record.adminReason,
    ServiceID: record.id,
    ServiceName: record.service,
    ServiceTags: record.tags,
    ...maintenance,
    CreateIndex: entry.modifyRevision,
    ModifyIndex: entry.modifyRevision,
  };
}

/** All that bears on an instance: its node's checks, then its own, each with maintenance last. */
export function wireChecksOf(catalog: CatalogReader, entry: Entry<InstanceRecord>): WireObject[] {
  return [...wireNodeChecks(catalog, entry.record.node), ...wireOwnChecks(catalog, entry)];
}

export function wireNodeChecks(catalog: CatalogReader, node: string): WireObject[] {
  const checks: WireObject[] = [];
  for (const check of catalog.nodeChecks(node)) checks.push(wireCheck(check, undefined));
  const down = wireNodeMaintenance(catalog.node(node));
  if (down !== undefined) checks.push(down);
  return checks;
}

export function wireOwnChecks(catalog: CatalogReader, entry: Entry<InstanceRecord>): WireObject[] {
  const checks: WireObject[] = [];
  for (const check of catalog.checksOfInstance(entry.record)) checks.push(wireCheck(check, entry.record));
  const down = wireServiceMaintenance(entry);
  if (down !== undefined) checks.push(down);
  return checks;
}
