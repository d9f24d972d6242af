import { type Call, type Handler, localJson, text } from './call.ts';
import { hostPort } from './status.ts';

/**
 * The store, in the words of Consul's consensus: this server leads and is the only voter.
 * Source: https://developer.hashicorp.com/consul/api-docs/operator
 */

/** `GET /v1/operator/raft/configuration` */
export const raftConfiguration: Handler = (call) => {
  const { engine, identity } = call.context;
  const server = {
    ID: identity.nodeId,
    Node: identity.node,
    Address: hostPort(identity.address),
    Leader: isLed(call),
    ProtocolVersion: '3',
    Voter: true,
    LastIndex: engine.view.revision,
  };
  return localJson(call, { Servers: [server], Index: engine.view.revision });
};

/** `GET /v1/operator/autopilot/configuration`: Consul's defaults, which nothing here acts on. */
export const autopilotConfiguration: Handler = (call) =>
  localJson(call, {
    CleanupDeadServers: true,
    LastContactThreshold: '200ms',
    MaxTrailingLogs: 250,
    MinQuorum: 0,
    ServerStabilizationTime: '10s',
    RedundancyZoneTag: '',
    DisableUpgradeMigration: false,
    UpgradeVersionTag: '',
    CreateIndex: 1,
    ModifyIndex: 1,
  });

/** `GET /v1/operator/autopilot/health`: 429 while the store cannot be reached. */
export const autopilotHealth: Handler = (call) => {
  const { engine, identity, config } = call.context;
  const Healthy = isLed(call);
  const server = {
    ID: identity.nodeId,
    Name: identity.node,
    Address: hostPort(identity.address),
    SerfStatus: 'alive',
    Version: config.apiVersion,
    Leader: Healthy,
    LastContact: '0s',
    LastTerm: 1,
    LastIndex: engine.view.revision,
    Healthy,
    Voter: true,
    StableSince: '0001-01-01T00:00:00Z',
  };
  return localJson(call, { Healthy, FailureTolerance: 0, Servers: [server] }, Healthy ? 200 : 429);
};

/** `GET /v1/operator/autopilot/state` */
export const autopilotState: Handler = (call) => {
  const { engine, identity, config } = call.context;
  const Healthy = isLed(call);
  const server = {
    ID: identity.nodeId,
    Name: identity.node,
    Address: hostPort(identity.address),
    NodeStatus: 'alive',
    Version: config.apiVersion,
    LastContact: '0s',
    LastTerm: 1,
    LastIndex: engine.view.revision,
    Healthy,
    StableSince: '0001-01-01T00:00:00Z',
    ReadReplica: false,
    Status: Healthy ? 'leader' : 'voter',
    Meta: {},
    NodeType: 'voter',
  };
  return localJson(call, {
    Healthy,
    FailureTolerance: 0,
    OptimisticFailureTolerance: 0,
    Servers: { [identity.nodeId]: server },
    Leader: Healthy ? identity.nodeId : '',
    Voters: [identity.nodeId],
  });
};

/** `/v1/operator/keyring`: there is no gossip, so nothing to encrypt. */
export const keyring: Handler = () =>
  text(500, '1 error occurred: Keyring is empty (encryption not enabled)');

function isLed(call: Call): boolean {
  return call.context.engine.view.stale === undefined;
}
