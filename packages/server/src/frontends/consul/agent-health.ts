import type { CatalogReader } from '@portolan/core/catalog/reader.ts';
import type { Entry, InstanceRecord } from '@portolan/core/catalog/records.ts';
import type { Reply } from '../../http/reply.ts';
import { agentInstances } from './agent-service.ts';
import { type Call, type Handler, localJson, text } from './call.ts';
import { type WireObject, wireAgentService, wireChecksOf } from './translate-answer.ts';

/**
 * Health of this agent's services by status code: 200 passing, 429 warning, 503 critical, 404 unknown.
 * Source: https://developer.hashicorp.com/consul/api-docs/agent/service#get-local-service-health
 */
const statusCodes = { passing: 200, warning: 429, critical: 503, maintenance: 503 } as const;
type Aggregate = keyof typeof statusCodes;

interface ServiceHealth {
  readonly AggregatedStatus: Aggregate;
  readonly Service: WireObject;
  readonly Checks: readonly WireObject[];
}

/** `GET /v1/agent/health/service/id/:service_id` */
export const byId: Handler = (call) => {
  const { engine, identity } = call.context;
  const { catalog } = engine.view;
  if (call.argument === '') return text(400, 'Missing serviceID');
  for (const entry of agentInstances(catalog, identity.node)) {
    if (entry.record.id !== call.argument) continue;
    const health = healthOfInstance(catalog, entry, identity.datacenter);
    return healthReply(call, health.AggregatedStatus, health);
  }
  const reason = `ServiceId ${call.argument} not found`;
  if (wantsText(call)) return text(404, reason);
  const nothing = { AggregatedStatus: 'critical', Service: null, Checks: null };
  return localJson(call, nothing, 404, ['X-Consul-Reason', 'critical']);
};

/** `GET /v1/agent/health/service/name/:service`: the worst of all its instances here. */
export const byName: Handler = (call) => {
  const { engine, identity } = call.context;
  const { catalog } = engine.view;
  if (call.argument === '') return text(400, 'Missing service Name');
  const found: ServiceHealth[] = [];
  for (const entry of agentInstances(catalog, identity.node)) {
    if (entry.record.service === call.argument)
      found.push(healthOfInstance(catalog, entry, identity.datacenter));
  }
  if (found.length > 0)
    return healthReply(call, worst(found.map((health) => health.AggregatedStatus)), found);
  return wantsText(call)
    ? text(404, `ServiceName ${call.argument} Not Found`)
    : localJson(call, [], 404, ['X-Consul-Reason', 'critical']);
};

function healthOfInstance(
  catalog: CatalogReader,
  entry: Entry<InstanceRecord>,
  datacenter: string,
): ServiceHealth {
  const checks = wireChecksOf(catalog, entry);
  return {
    AggregatedStatus: worst(checks.map(aggregateOf)),
    Service: wireAgentService(entry.record, datacenter),
    Checks: checks,
  };
}

function aggregateOf(check: WireObject): Aggregate {
  return check.Type === 'maintenance' ? 'maintenance' : (check.Status as Aggregate);
}

/** Maintenance hides everything else, as in Consul. */
function worst(statuses: readonly Aggregate[]): Aggregate {
  for (const status of ['maintenance', 'critical', 'warning'] as const) {
    if (statuses.includes(status)) return status;
  }
  return 'passing';
}

function healthReply(call: Call, status: Aggregate, body: unknown): Reply {
  const reason = ['X-Consul-Reason', status];
  return wantsText(call)
    ? text(statusCodes[status], status, reason)
    : localJson(call, body, statusCodes[status], reason);
}

function wantsText(call: Call): boolean {
  return call.query.get('format') === 'text' || call.request.headers.accept === 'text/plain';
}
