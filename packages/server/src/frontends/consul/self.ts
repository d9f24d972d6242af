import { labels } from '@portolan/core/base/labels.ts';
import type { Draft } from '@portolan/core/catalog/draft.ts';
import {
  type CheckRecord,
  defaultNamespace,
  type InstanceRecord,
  type NodeRecord,
  type Origin,
  recordKey,
} from '@portolan/core/catalog/records.ts';
import type { Identity } from '../../contract.ts';

/** What comes through this node's agent API. */
export function agentOrigin(identity: Identity): Origin {
  return { dialect: 'consul', source: 'agent', node: identity.node };
}

/** What comes through its catalog API. */
export function catalogOrigin(identity: Identity): Origin {
  return { dialect: 'consul', source: 'catalog', node: identity.node };
}

/** What this server is by itself: its node, that node's `serfHealth`, the service `consul`. */
function selfOrigin(identity: Identity): Origin {
  return { dialect: 'consul', source: 'self', node: identity.node };
}

export function selfNode(identity: Identity): NodeRecord {
  const { address } = identity;
  return {
    kind: 'node',
    name: identity.node,
    id: identity.nodeId,
    address,
    datacenter: identity.datacenter,
    taggedAddresses: labels([
      ['lan', address],
      ['wan', address],
    ]),
    metadata: labels([['consul-network-segment', '']]),
    adminState: 'in-service',
    adminReason: '',
    origin: selfOrigin(identity),
  };
}

/** Test harnesses and some clients wait for this check before they believe that a node is there. */
function serfHealth(identity: Identity): CheckRecord {
  return {
    kind: 'check',
    node: identity.node,
    id: 'serfHealth',
    name: 'Serf Health Status',
    status: 'passing',
    output: 'Agent alive and reachable',
    notes: '',
    origin: selfOrigin(identity),
  };
}

function consulService(identity: Identity, httpPort: number): InstanceRecord {
  return {
    kind: 'instance',
    namespace: defaultNamespace,
    service: 'consul',
    node: identity.node,
    id: 'consul',
    address: '',
    port: httpPort,
    tags: [],
    metadata: labels([['portolan-version', identity.version]]),
    taggedAddresses: Object.create(null),
    weights: { passing: 1, warning: 1 },
    adminState: 'in-service',
    adminReason: '',
    enableTagOverride: false,
    origin: selfOrigin(identity),
  };
}

/** Writes what this server is; what is there already and equal is no write. Maintenance outlives a restart. */
export function registerSelf(draft: Draft, identity: Identity, httpPort: number): void {
  const before = draft.node(identity.node)?.record;
  const node = selfNode(identity);
  draft.put(
    before === undefined ? node : { ...node, adminState: before.adminState, adminReason: before.adminReason },
  );
  draft.put(serfHealth(identity));
  const service = consulService(identity, httpPort);
  const old = draft.instanceOnNode(identity.node, service.id)?.record;
  if (old !== undefined && old.service !== service.service) draft.delete(recordKey(old));
  draft.put(service);
}
