import { isIP } from 'node:net';
import type {
  Cluster,
  TcpListener,
  TlsHost,
  TlsListener,
  TrafficModel,
  UdpListener,
  WeightedTarget,
} from '@portolan/core/traffic/model.ts';
import { isServerName, upstreamName } from './names.ts';
import {
  block,
  type Directive,
  directive,
  ms,
  type Token,
  template,
  text,
  variable,
  word,
} from './nginx-writer.ts';
import { escaped } from './path-regex.ts';
import { doorKey, type OwnDoor, ownDoors } from './stream-doors.ts';
import { listenArgs, type OwnHttpDoor } from './translate-http.ts';
import type { Vocabulary } from './vocabulary.ts';
import { splitOf } from './weights.ts';

export interface StreamServers {
  readonly directives: readonly Directive[];
  readonly clusters: ReadonlySet<string>;
  /** Keys of the doors that are opened, HTTP ones among them. */
  readonly doors: readonly string[];
  /** Listeners with a port of their own that are HTTP's. */
  readonly http: readonly OwnHttpDoor[];
}

/** A connection on which nothing moves. Envoy's TCP idle timeout, as in the gateway. */
const idleMs = 3_600_000;
const udpIdleMs = 60_000;
/** Nothing was sent yet, so that anybody may be tried next. */
const tries = 3;

interface StreamContext {
  readonly model: TrafficModel;
  readonly words: Vocabulary;
  readonly clusters: Set<string>;
  /** Adds a directive to `stream`, for a variable of its own, and gives the variable's name. */
  readonly define: (make: (name: string) => Directive) => string;
}

/** A server for each listener that has a port of its own and is not HTTP. */
export function streamServers(
  model: TrafficModel,
  words: Vocabulary,
  refused: ReadonlyMap<string, string>,
): StreamServers {
  const made: Directive[] = [];
  const define: StreamContext['define'] = (make) => {
    const name = `portolan_v${made.length}`;
    made.push(make(name));
    return name;
  };
  const context: StreamContext = { model, words, clusters: new Set(), define };
  const doors = new Set<string>();
  const servers: Directive[] = [];
  const http: OwnHttpDoor[] = [];
  for (const door of ownDoors(model, words.listen)) {
    const { listener, address, port, key } = door;
    const problem = doorProblem(door, doors, refused, words);
    if (problem !== undefined) {
      words.report(`listener ${JSON.stringify(listener.name)}: port ${port} is left out: ${problem}`);
      continue;
    }
    doors.add(key);
    const listen = { address, port };
    if (listener.protocol === 'http') http.push({ listen, table: listener.table });
    else servers.push(server(listener, listenArgs(listen), context));
  }
  return { directives: [...made, ...servers], clusters: context.clusters, doors: [...doors], http };
}

function doorProblem(
  { listener, transport, address, port, key }: OwnDoor,
  taken: ReadonlySet<string>,
  refused: ReadonlyMap<string, string>,
  { listen }: Vocabulary,
): string | undefined {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return 'there is no such port';
  if (isIP(address) === 0) return `${JSON.stringify(address)} is no address`;
  if (taken.has(key)) return 'another listener has it';
  const every = listen.address === '0.0.0.0' || listen.address === '::';
  if (transport === 'tcp' && port === listen.port && (every || address === listen.address))
    return 'nginx.listen has it';
  if (listener.proxyProtocol === true)
    return 'its connections begin with a PROXY protocol header, which is not read here';
  return refused.get(doorKey(transport, address, port));
}

function server(
  listener: TcpListener | TlsListener | UdpListener,
  address: string,
  context: StreamContext,
): Directive {
  switch (listener.protocol) {
    case 'tcp':
      return block(
        'server',
        [],
        [directive('listen', address), ...passed(listener.targets, context, idleMs)],
      );
    case 'udp': {
      const idle = listener.idleMs ?? udpIdleMs;
      return block(
        'server',
        [],
        [directive('listen', address, 'udp'), ...passed(listener.targets, context, idle)],
      );
    }
    case 'tls':
      return block('server', [], [directive('listen', address), ...byServerName(listener, context)]);
  }
}

/** What is done with a connection, or with the datagrams of one source. */
function passed(
  targets: readonly WeightedTarget[],
  context: StreamContext,
  timeoutMs: number,
): readonly Directive[] {
  const { words, define } = context;
  const drawn = targets.filter(({ weight }) => weight > 0);
  const usable = usableOf(drawn, context);
  const [first] = usable;
  // The port stays ours while nobody is behind it; whoever connects is told by the end of the connection.
  if (first === undefined) return [directive('return', template(''))];
  if (drawn.length === 1) return toUpstream(word(upstreamName(first.name)), usable, timeoutMs);
  const split = define((name) => splitOf(connection, name, drawn, words.usable));
  return toUpstream(template(variable(split)), usable, timeoutMs);
}

/** What every connection has for itself, to be hashed. */
const connection = template(variable('connection'), ' ', variable('msec'), ' ', variable('remote_port'));

function usableOf(
  targets: readonly WeightedTarget[],
  { words, clusters }: StreamContext,
): readonly Cluster[] {
  const usable = targets.flatMap(({ cluster }) => words.usable.get(cluster ?? '') ?? []);
  for (const { name } of usable) clusters.add(name);
  return usable;
}

/** TLS is passed on by the name that the client asks for; who asks for another is told by the end of the connection. */
function byServerName(listener: TlsListener, context: StreamContext): readonly Directive[] {
  const { model, define, words } = context;
  const claims = claimsOf(model, listener.table);
  const used: Cluster[] = [];
  const lines = claims.flatMap(({ pattern, host }) => {
    if (host.action.type !== 'passthrough') {
      words.report(
        `TLS host ${JSON.stringify(host.name)}: ${JSON.stringify(pattern)} is left out: nginx ends no TLS here`,
      );
      // Named all the same, so that no other host gets what is its own.
      return [nameLine(pattern, text(''))];
    }
    const drawn = host.action.targets.filter(({ weight }) => weight > 0);
    used.push(...usableOf(drawn, context));
    return [nameLine(pattern, upstreamFor(drawn, context))];
  });
  if (used.length === 0) return [directive('return', template(''))];
  const chosen = define((name) => block('map', [variable('ssl_preread_server_name'), variable(name)], lines));
  return [directive('ssl_preread', 'on'), ...toUpstream(template(variable(chosen)), used, idleMs)];
}

function upstreamFor(drawn: readonly WeightedTarget[], { words, define }: StreamContext): Token {
  const [only] = drawn;
  if (drawn.length !== 1 || only === undefined) {
    if (drawn.length === 0) return text('');
    return template(variable(define((name) => splitOf(connection, name, drawn, words.usable))));
  }
  const known = words.usable.get(only.cluster ?? '');
  return known === undefined ? text('') : word(upstreamName(known.name));
}

interface Claim {
  readonly pattern: string;
  readonly host: TlsHost;
}

/** Names of a table in the order in which they are asked: exact, one label, the longest suffix, all. The first host by name has a name. */
function claimsOf({ tlsHosts }: TrafficModel, table: string): readonly Claim[] {
  const claims = new Map<string, TlsHost>();
  const hosts = [...tlsHosts.values()].filter((host) => host.table === table);
  for (const host of hosts.sort((left, right) => (left.name < right.name ? -1 : 1))) {
    for (const name of host.serverNames) {
      if (!claims.has(name) && (name === '*' || isServerName(name))) claims.set(name, host);
    }
  }
  const rank = (name: string): number =>
    ({ '?': 2_000, '*': name === '*' ? 0 : 1_000 })[name[0] ?? ''] ?? 3_000;
  return [...claims]
    .map(([pattern, host]) => ({ pattern, host }))
    .sort(
      (left, right) => rank(right.pattern) + right.pattern.length - rank(left.pattern) - left.pattern.length,
    );
}

/** Always a pattern: a name such as `default` means something else to `map`. */
function nameLine(pattern: string, upstream: Token): Directive {
  if (pattern === '*') return directive('default', upstream);
  const before = pattern.startsWith('?') ? '[^.]+' : pattern.startsWith('*') ? '.+' : '';
  const name = before === '' ? pattern : pattern.slice(1);
  return directive(`~(?i)^${before}${escaped(name)}\\.?\\z`, upstream);
}

/** Several clusters share a server: the most patient one sets the time. */
function toUpstream(upstream: Token, clusters: readonly Cluster[], timeoutMs: number): readonly Directive[] {
  const connectTimeoutMs = Math.max(...clusters.map((cluster) => cluster.connectTimeoutMs));
  const proxied = clusters.every(({ proxyProtocol }) => proxyProtocol === 'v1');
  return [
    directive('proxy_connect_timeout', ms(connectTimeoutMs)),
    directive('proxy_timeout', ms(timeoutMs)),
    directive('proxy_next_upstream_tries', tries),
    ...(proxied ? [directive('proxy_protocol', 'on')] : []),
    directive('proxy_pass', upstream),
  ];
}
