import { Fault } from '@portolan/core/base/fault.ts';
import type { CatalogReader, ServiceView } from '@portolan/core/catalog/reader.ts';
import { defaultNamespace, type InstanceRecord } from '@portolan/core/catalog/records.ts';
import { type Handler, json, pageOf, param } from './call.ts';

/** More are too many to read; the count says how many there are. */
const maxDiagnostics = 1_000;

export const listeners: Handler = ({ context }) => json(context.listeners.list());

export const diagnostics: Handler = ({ context, diagnostics: read }) => {
  const { revision } = context.engine.view;
  const all = read();
  return json({ revision, count: all.length, diagnostics: all.slice(0, maxDiagnostics) });
};

export const status: Handler = ({ context, census, diagnostics: found }) => {
  const { engine, identity, clock } = context;
  const { revision, stale, traffic } = engine.view;
  return json({
    ...identity,
    revision,
    uptimeSeconds: Math.round(process.uptime()),
    stale:
      stale === undefined
        ? null
        : {
            reason: stale.reason,
            forSeconds: Math.round((clock.monotonicMs() - stale.sinceMonotonicMs) / 1000),
          },
    counts: { ...census.counts(), leases: engine.leases.size },
    traffic: {
      listeners: traffic.listeners.size,
      virtualHosts: traffic.virtualHosts.size,
      clusters: traffic.clusters.size,
    },
    diagnostics: found().length,
    listeners: context.listeners.list(),
  });
};

export const services: Handler = ({ context, query }) => {
  const { catalog, revision } = context.engine.view;
  const { prefix, after, limit } = pageOf(query);
  const found: object[] = [];
  let next: string | undefined;
  for (const service of catalog.services(query.get('namespace') ?? defaultNamespace)) {
    if (service.name <= after || !service.name.startsWith(prefix)) continue;
    if (found.length === limit) {
      next = lastName(found);
      break;
    }
    found.push(summaryOf(catalog, service));
  }
  return json({ revision, services: found, next });
};

function lastName(found: readonly object[]): string | undefined {
  const last = found.at(-1);
  return last !== undefined && 'name' in last ? String(last.name) : undefined;
}

function summaryOf(catalog: CatalogReader, service: ServiceView): object {
  const health = { passing: 0, warning: 0, critical: 0 };
  for (const { record } of service.instances()) health[catalog.healthOf(record)] += 1;
  return {
    namespace: service.namespace,
    name: service.name,
    tags: service.tags(),
    instances: service.size,
    health,
    modifyRevision: service.modifyRevision,
  };
}

export const service: Handler = (call) => {
  const { catalog, revision } = call.context.engine.view;
  const name = param(call, 'name');
  const found = catalog.service(name, call.query.get('namespace') ?? defaultNamespace);
  if (found === undefined) throw new Fault('not-found', `There is no service "${name}".`);
  const instances = Array.from(found.instances(), ({ record }) => instanceOf(call.context, catalog, record));
  return json({ revision, ...summaryOf(catalog, found), metadata: found.record?.metadata ?? {}, instances });
};

function instanceOf(
  { health }: Parameters<Handler>[0]['context'],
  catalog: CatalogReader,
  record: InstanceRecord,
): object {
  const checks = [...catalog.checksOfInstance(record), ...catalog.nodeChecks(record.node)];
  return {
    node: record.node,
    id: record.id,
    address: record.address === '' ? (catalog.node(record.node)?.record.address ?? '') : record.address,
    port: record.port,
    health: catalog.healthOf(record),
    adminState: record.adminState,
    adminReason: record.adminReason,
    tags: record.tags,
    metadata: record.metadata,
    weights: record.weights,
    origin: record.origin,
    checks: checks.map(({ record: check }) => ({
      id: check.id,
      name: check.name,
      status: check.status,
      output: health.outputOf(check.node, check.id) ?? check.output,
      ofNode: check.instance === undefined,
    })),
  };
}
