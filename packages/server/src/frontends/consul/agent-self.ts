import type { Identity } from '../../contract.ts';
import { type Handler, localJson } from './call.ts';

/** Consul's ports for its servers among themselves; told for those who look, nothing listens there. */
const serfPort = 8301;

/** `GET /v1/agent/self`. Prometheus reads Config.Datacenter, others Config.Version and Config.NodeName. */
export const self: Handler = (call) => {
  const { identity, config, listeners } = call.context;
  const port = (name: string) => listeners.list().find((listener) => listener.name === name)?.port ?? -1;
  return localJson(call, {
    Config: {
      Datacenter: identity.datacenter,
      PrimaryDatacenter: identity.datacenter,
      NodeName: identity.node,
      NodeID: identity.nodeId,
      Revision: '',
      Server: true,
      Version: config.apiVersion,
      PortolanVersion: identity.version,
    },
    DebugConfig: {
      ACLsEnabled: false,
      Datacenter: identity.datacenter,
      DNSPort: port('dns'),
      EnableRemoteScriptChecks: false,
      EnableLocalScriptChecks: false,
      HTTPPort: port('http'),
      NodeName: identity.node,
      ServerMode: true,
    },
    Coord: null,
    Member: member(identity, config.apiVersion),
    Stats: {
      agent: { check_monitors: '0', check_ttls: '0' },
      build: { version: config.apiVersion, prerelease: '', revision: '' },
      consul: { server: 'true', leader: 'true', bootstrap: 'true', known_datacenters: '1' },
    },
    Meta: { 'consul-network-segment': '' },
  });
};

/** `GET /v1/agent/members`: each Portolan node knows itself. */
export const members: Handler = (call) =>
  localJson(call, [member(call.context.identity, call.context.config.apiVersion)]);

function member(identity: Identity, apiVersion: string): object {
  return {
    Name: identity.node,
    Addr: identity.address,
    Port: serfPort,
    Tags: {
      build: `${apiVersion}:`,
      dc: identity.datacenter,
      id: identity.nodeId,
      role: 'consul',
      segment: '',
    },
    // Serf's word for alive.
    Status: 1,
    ProtocolMin: 1,
    ProtocolMax: 5,
    ProtocolCur: 2,
    DelegateMin: 2,
    DelegateMax: 5,
    DelegateCur: 4,
  };
}
