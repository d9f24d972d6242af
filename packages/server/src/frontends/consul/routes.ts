import * as agentCheck from './agent-check.ts';
import * as agentHealth from './agent-health.ts';
import * as agentHost from './agent-host.ts';
import * as agentMaintenance from './agent-maintenance.ts';
import * as agentMetrics from './agent-metrics.ts';
import * as agentMonitor from './agent-monitor.ts';
import * as agentSelf from './agent-self.ts';
import * as agentService from './agent-service.ts';
import { blocking } from './blocking.ts';
import * as catalog from './catalog.ts';
import * as catalogWrite from './catalog-write.ts';
import * as coordinate from './coordinate.ts';
import * as event from './event.ts';
import * as health from './health.ts';
import * as internalUi from './internal-ui.ts';
import * as kv from './kv.ts';
import * as notEnabled from './not-enabled.ts';
import * as operator from './operator.ts';
import * as preparedQuery from './prepared-query.ts';
import type { Route } from './router.ts';
import * as session from './session.ts';
import * as snapshot from './snapshot.ts';
import * as status from './status.ts';
import * as txn from './txn.ts';

/** The same for every method: what is switched off is so for all. */
function always(path: string, handle: Route['handle']): readonly Route[] {
  return (['GET', 'PUT', 'POST', 'DELETE'] as const).map((method) => ({ method, path, handle }));
}

/** Everything that this dialect answers. */
export const routes: readonly Route[] = [
  { method: 'GET', path: '/v1/agent/self', handle: agentSelf.self },
  { method: 'GET', path: '/v1/agent/members', handle: agentSelf.members },
  { method: 'PUT', path: '/v1/agent/maintenance', handle: agentMaintenance.maintenance },
  { method: 'GET', path: '/v1/agent/host', handle: agentHost.host },
  { method: 'GET', path: '/v1/agent/metrics', handle: agentMetrics.metrics },
  { method: 'GET', path: '/v1/agent/monitor', handle: agentMonitor.monitor },
  { method: 'PUT', path: '/v1/agent/reload', handle: notEnabled.accepted },
  { method: 'PUT', path: '/v1/agent/leave', handle: agentHost.leave },
  { method: 'PUT', path: '/v1/agent/join/', handle: agentHost.join },
  { method: 'PUT', path: '/v1/agent/force-leave/', handle: agentHost.forceLeave },
  ...always('/v1/agent/token/', notEnabled.acl),
  ...always('/v1/agent/connect/', notEnabled.connect),

  { method: 'GET', path: '/v1/agent/services', handle: agentService.list },
  { method: 'GET', path: '/v1/agent/service/', handle: agentService.one },
  { method: 'PUT', path: '/v1/agent/service/register', body: 'registration', handle: agentService.register },
  { method: 'PUT', path: '/v1/agent/service/deregister/', handle: agentService.deregister },
  { method: 'PUT', path: '/v1/agent/service/maintenance/', handle: agentService.maintenance },

  { method: 'GET', path: '/v1/agent/checks', handle: agentCheck.list },
  { method: 'PUT', path: '/v1/agent/check/register', body: 'registration', handle: agentCheck.register },
  { method: 'PUT', path: '/v1/agent/check/deregister/', handle: agentCheck.deregister },
  { method: 'PUT', path: '/v1/agent/check/pass/', handle: agentCheck.heartbeat('passing') },
  { method: 'PUT', path: '/v1/agent/check/warn/', handle: agentCheck.heartbeat('warning') },
  { method: 'PUT', path: '/v1/agent/check/fail/', handle: agentCheck.heartbeat('critical') },
  { method: 'PUT', path: '/v1/agent/check/update/', body: 'registration', handle: agentCheck.update },

  { method: 'GET', path: '/v1/agent/health/service/id/', handle: agentHealth.byId },
  { method: 'GET', path: '/v1/agent/health/service/name/', handle: agentHealth.byName },

  { method: 'PUT', path: '/v1/catalog/register', body: 'registration', handle: catalogWrite.register },
  { method: 'PUT', path: '/v1/catalog/deregister', body: 'registration', handle: catalogWrite.deregister },
  { method: 'GET', path: '/v1/catalog/datacenters', handle: catalog.datacenters },
  { method: 'GET', path: '/v1/catalog/services', handle: blocking(catalog.serviceList) },
  { method: 'GET', path: '/v1/catalog/service/', handle: blocking(catalog.serviceInstances) },
  { method: 'GET', path: '/v1/catalog/nodes', handle: blocking(catalog.nodeList) },
  { method: 'GET', path: '/v1/catalog/node/', handle: blocking(catalog.nodeWithServices) },
  { method: 'GET', path: '/v1/catalog/node-services/', handle: blocking(catalog.servicesOfNode) },
  { method: 'GET', path: '/v1/catalog/connect/', handle: notEnabled.noProxies },
  { method: 'GET', path: '/v1/catalog/gateway-services/', handle: notEnabled.noProxies },

  { method: 'GET', path: '/v1/health/connect/', handle: notEnabled.noProxies },
  { method: 'GET', path: '/v1/health/ingress/', handle: notEnabled.noProxies },
  { method: 'GET', path: '/v1/health/service/', handle: blocking(health.healthOfService) },
  { method: 'GET', path: '/v1/health/checks/', handle: blocking(health.checksOfService) },
  { method: 'GET', path: '/v1/health/node/', handle: blocking(health.checksOfNode) },
  { method: 'GET', path: '/v1/health/state/', handle: blocking(health.checksInState) },

  { method: 'GET', path: '/v1/status/leader', handle: status.leader },
  { method: 'GET', path: '/v1/status/peers', handle: status.peers },

  { method: 'GET', path: '/v1/coordinate/datacenters', handle: coordinate.datacenters },
  { method: 'GET', path: '/v1/coordinate/nodes', handle: coordinate.nodes },
  { method: 'GET', path: '/v1/coordinate/node/', handle: coordinate.node },
  { method: 'PUT', path: '/v1/coordinate/update', handle: notEnabled.accepted },

  { method: 'GET', path: '/v1/operator/raft/configuration', handle: operator.raftConfiguration },
  { method: 'GET', path: '/v1/operator/autopilot/configuration', handle: operator.autopilotConfiguration },
  { method: 'GET', path: '/v1/operator/autopilot/health', handle: operator.autopilotHealth },
  { method: 'GET', path: '/v1/operator/autopilot/state', handle: operator.autopilotState },
  ...always('/v1/operator/keyring', operator.keyring),

  { method: 'GET', path: '/v1/internal/ui/services', handle: internalUi.services },
  { method: 'GET', path: '/v1/internal/ui/nodes', handle: internalUi.nodes },
  { method: 'GET', path: '/v1/internal/ui/node/', handle: internalUi.node },
  { method: 'GET', path: '/v1/internal/ui/catalog-overview', handle: internalUi.overview },

  ...always('/v1/acl/', notEnabled.acl),
  { method: 'GET', path: '/v1/connect/intentions', handle: notEnabled.noRules },
  { method: 'POST', path: '/v1/connect/intentions', handle: notEnabled.putIntention },
  { method: 'GET', path: '/v1/connect/intentions/match', handle: notEnabled.noRules },
  { method: 'GET', path: '/v1/connect/intentions/', handle: notEnabled.intention },
  { method: 'PUT', path: '/v1/connect/intentions/', handle: notEnabled.putIntention },
  { method: 'DELETE', path: '/v1/connect/intentions/', handle: notEnabled.deleteConfigEntry },
  ...always('/v1/connect/', notEnabled.connect),
  ...always('/v1/discovery-chain/', notEnabled.connect),
  { method: 'PUT', path: '/v1/config', handle: notEnabled.putConfigEntry },
  { method: 'GET', path: '/v1/config/', handle: notEnabled.configEntry },
  { method: 'DELETE', path: '/v1/config/', handle: notEnabled.deleteConfigEntry },
  ...always('/v1/peering', notEnabled.peering),
  ...always('/v1/peerings', notEnabled.peering),
  ...always('/v1/peering/', notEnabled.peering),

  { method: 'PUT', path: '/v1/session/create', body: 'registration', handle: session.create },
  { method: 'PUT', path: '/v1/session/destroy/', handle: session.destroy },
  { method: 'PUT', path: '/v1/session/renew/', handle: session.renew },
  { method: 'GET', path: '/v1/session/info/', handle: session.info },
  { method: 'GET', path: '/v1/session/node/', handle: session.ofNode },
  { method: 'GET', path: '/v1/session/list', handle: session.list },

  { method: 'GET', path: '/v1/query', handle: preparedQuery.list },
  { method: 'POST', path: '/v1/query', body: 'query', handle: preparedQuery.create },
  { method: 'GET', path: '/v1/query/', handle: preparedQuery.get },
  { method: 'PUT', path: '/v1/query/', body: 'query', handle: preparedQuery.update },
  { method: 'DELETE', path: '/v1/query/', handle: preparedQuery.remove },

  { method: 'PUT', path: '/v1/event/fire/', body: 'event', handle: event.fire },
  // Spring Cloud Consul fires so.
  { method: 'POST', path: '/v1/event/fire/', body: 'event', handle: event.fire },
  { method: 'GET', path: '/v1/event/list', handle: event.list },

  { method: 'GET', path: '/v1/snapshot', handle: snapshot.save },
  { method: 'PUT', path: '/v1/snapshot', handle: snapshot.restore },

  { method: 'PUT', path: '/v1/txn', body: 'txn', handle: txn.transact },

  { method: 'GET', path: '/v1/kv/', handle: kv.get },
  { method: 'PUT', path: '/v1/kv/', body: 'kv', handle: kv.put },
  { method: 'DELETE', path: '/v1/kv/', handle: kv.remove },
];
