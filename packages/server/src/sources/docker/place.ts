import { BlockList, isIP, isIPv6 } from 'node:net';
import type { LeaseRecord, NodeRecord, Origin } from '@portolan/core/catalog/records.ts';
import type { Identity } from '../../contract.ts';
import { type DockerConfig, type EngineAddress, formatEngineAddress } from './config.ts';
import { dialect } from './intents.ts';
import type { TagsOf } from './tags.ts';
import type { Place } from './translate.ts';

/** Where the instances of an engine are that runs on the machine `hostName`; '' is this server's own name. */
export function placeOf(config: DockerConfig, tagsOf: TagsOf, identity: Identity, hostName: string): Place {
  const origin = originOf(config, identity);
  return {
    config,
    tagsOf,
    origin,
    node: identity.node,
    hostName: hostName || identity.node,
    hostAddress: addressOf(config.engine) ?? identity.address,
    lease: leaseOf(config, identity),
  };
}

/** Of an engine on another machine, where it was named by its address: that is where its ports are published. */
function addressOf(engine: EngineAddress): string | undefined {
  if (engine.kind === 'unix' || isIP(engine.host) === 0) return undefined;
  return loopback.check(engine.host, isIPv6(engine.host) ? 'ipv6' : 'ipv4') ? undefined : engine.host;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** What instances hang on, where `docker.ttl` is set. */
export function leaseOf(config: DockerConfig, identity: Identity): LeaseRecord | undefined {
  const { ttlMs } = config;
  if (ttlMs === 0) return undefined;
  const origin = originOf(config, identity);
  return { kind: 'lease', id: `docker:${origin.node}:${origin.source}`, ttlMs, owner: origin.node, origin };
}

function originOf({ engine }: DockerConfig, { node }: Identity): Origin {
  return { dialect, source: formatEngineAddress(engine), node };
}

/** This machine, for a catalog that nobody else has put it into. */
export function selfNode(identity: Identity): NodeRecord {
  return {
    kind: 'node',
    name: identity.node,
    id: identity.nodeId,
    address: identity.address,
    datacenter: identity.datacenter,
    taggedAddresses: {},
    metadata: {},
    adminState: 'in-service',
    adminReason: '',
    origin: { dialect, source: 'self', node: identity.node },
  };
}
