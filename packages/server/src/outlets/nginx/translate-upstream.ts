import { isIP } from 'node:net';
import type { Cluster, Endpoint } from '@portolan/core/traffic/model.ts';
import { endpointAddress, upstreamName } from './names.ts';
import { block, type Directive, directive, ms } from './nginx-writer.ts';

/** Idle connections that each worker keeps to an upstream, in all. As many as nginx' own documentation shows. */
const keepAliveConnections = 32;

/** Below the 5 s after which Node's servers close an idle connection: who closes first loses no request. */
const upstreamIdleMs = 4_000;

/** Last in an upstream of HTTP: nginx wants the method before it. */
export const keepAlive: readonly Directive[] = [
  directive('keepalive', keepAliveConnections),
  directive('keepalive_timeout', ms(upstreamIdleMs)),
];

type Balance = 'round-robin' | 'least-conn';

export interface Upstream {
  readonly servers: readonly Directive[];
  readonly problems: readonly string[];
  http(balance: Balance): Directive;
  stream(balance: Balance): Directive;
}

/** The IP address of an endpoint that is known by this one or by a name. */
export type AddressOf = (address: string) => string | undefined;

/** A cluster is frozen and the same object until it changes: so is what was made of it, unless it has names. */
const made = new WeakMap<Cluster, Upstream>();

/** A cluster as an `upstream` block. One without servers must not be written: nginx takes it for an error. */
export function upstreamOf(cluster: Cluster, addressOf: AddressOf): Upstream {
  const known = made.get(cluster);
  if (known !== undefined) return known;
  const upstream = makeUpstream(cluster, addressOf);
  if (cluster.endpoints.every(({ address }) => isIP(address) !== 0)) made.set(cluster, upstream);
  return upstream;
}

function makeUpstream(cluster: Cluster, addressOf: AddressOf): Upstream {
  const { servers, problems } = serversOf(cluster, addressOf);
  const args = [upstreamName(cluster.name)];
  const http = [...servers, ...keepAlive];
  const method = (balance: Balance) => methodOf(cluster, balance);
  return {
    servers,
    problems,
    http: (balance) => block('upstream', args, [...method(balance), ...http]),
    stream: (balance) => block('upstream', args, [...method(balance), ...servers]),
  };
}

/** Round robin is what nginx does unless told otherwise. A policy that the model gets later is a line here. */
export function methodOf(cluster: Cluster, balance: Balance): readonly Directive[] {
  const { policy } = cluster.balance;
  const leastConn = policy === 'least-request' || (policy === 'round-robin' && balance === 'least-conn');
  return leastConn ? [directive('least_conn')] : [];
}

function serversOf(
  cluster: Cluster,
  addressOf: AddressOf,
): { servers: readonly Directive[]; problems: readonly string[] } {
  const problems: string[] = [];
  const failures = failureArgs(cluster);
  const servers = chosen(cluster.endpoints).flatMap((endpoint) => {
    const address = endpointAddress(addressOf(endpoint.address) ?? '', endpoint.port);
    if (address !== undefined) return [directive('server', address, ...weightArgs(endpoint), ...failures)];
    problems.push(
      `cluster ${JSON.stringify(cluster.name)}: its endpoint ${JSON.stringify(endpoint.id)} is left out: ${JSON.stringify(endpoint.address)} has no IP address`,
    );
    return [];
  });
  return { servers, problems };
}

/** Those that drain take no new request while there is anybody else, as in the gateway. */
function chosen(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const healthy = endpoints.filter((endpoint) => endpoint.state === 'healthy');
  return healthy.length > 0 ? healthy : endpoints;
}

/** nginx has no weight 0; the gateway takes it for 1 as well. */
function weightArgs({ weight }: Endpoint): readonly string[] {
  const whole = Math.max(1, Math.round(weight));
  return whole === 1 ? [] : [`weight=${whole}`];
}

/** As near as nginx comes to outlier detection: so many failures within the time take a server out for that same time. */
export function failureArgs({ outlier }: Cluster): readonly string[] {
  const seconds = Math.max(1, Math.round(outlier.baseEjectionMs / 1_000));
  return [
    `max_fails=${Math.max(0, Math.round(outlier.consecutiveLocalFailures))}`,
    `fail_timeout=${seconds}s`,
  ];
}
