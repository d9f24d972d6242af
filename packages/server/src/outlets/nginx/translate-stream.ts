import type { Cluster, TcpListener, TrafficModel } from '@portolan/core/traffic/model.ts';
import { upstreamName } from './names.ts';
import { block, type Directive, directive, ms, template } from './nginx-writer.ts';
import { listenArgs, type Vocabulary } from './translate-http.ts';

export interface StreamServers {
  readonly directives: readonly Directive[];
  readonly clusters: ReadonlySet<string>;
  readonly ports: readonly number[];
}

/** A connection on which nothing moves. Envoy's TCP idle timeout, as in the gateway. */
const idleMs = 3_600_000;
/** Nothing was sent yet, so that anybody may be tried next. */
const tries = 3;

/** A server for each listener that is not HTTP. */
export function streamServers(
  model: TrafficModel,
  words: Vocabulary,
  refused: ReadonlyMap<number, string>,
): StreamServers {
  const clusters = new Set<string>();
  const ports = new Set<number>();
  const directives: Directive[] = [];
  for (const listener of [...model.listeners.values()].sort((left, right) =>
    left.name < right.name ? -1 : 1,
  )) {
    if (listener.protocol !== 'tcp' || typeof listener.bind === 'string') continue;
    const { port } = listener.bind;
    const problem = portProblem(port, ports, refused, words);
    if (problem !== undefined) {
      words.report(`listener ${JSON.stringify(listener.name)}: port ${port} is left out: ${problem}`);
      continue;
    }
    ports.add(port);
    directives.push(server(listener, port, clusters, words));
  }
  return { directives, clusters, ports: [...ports] };
}

function portProblem(
  port: number,
  taken: ReadonlySet<number>,
  refused: ReadonlyMap<number, string>,
  { listen }: Vocabulary,
): string | undefined {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return 'there is no such port';
  if (taken.has(port)) return 'another listener has it';
  if (port === listen.port) return 'nginx.listen has it';
  return refused.get(port);
}

function server(listener: TcpListener, port: number, clusters: Set<string>, words: Vocabulary): Directive {
  const bind = { address: words.listen.address, port };
  return block('server', [], [directive('listen', listenArgs(bind)), ...passed(listener, clusters, words)]);
}

/**
 * What is done with a connection. A listener that passes TLS on by its server name will be a case here: `ssl_preread on` and
 * `proxy_pass` with a variable that a `map $ssl_preread_server_name` fills with upstreams' names.
 */
function passed(listener: TcpListener, clusters: Set<string>, words: Vocabulary): readonly Directive[] {
  const cluster = words.usable.get(listener.targets[0]?.cluster ?? '');
  // The port stays ours while nobody is behind it; whoever connects is told by the end of the connection.
  if (cluster === undefined) return [directive('return', template(''))];
  clusters.add(cluster.name);
  return toCluster(cluster);
}

function toCluster(cluster: Cluster): readonly Directive[] {
  return [
    directive('proxy_connect_timeout', ms(cluster.connectTimeoutMs)),
    directive('proxy_timeout', ms(idleMs)),
    directive('proxy_next_upstream_tries', tries),
    directive('proxy_pass', upstreamName(cluster.name)),
  ];
}
