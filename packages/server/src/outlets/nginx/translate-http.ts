import type { Cluster, Route, RouteAction, TrafficModel, VirtualHost } from '@portolan/core/traffic/model.ts';
import type { Bind } from '../../contract.ts';
import { isServerName, prefixProblem, upstreamName } from './names.ts';
import {
  block,
  type Directive,
  directive,
  dollarDefinition,
  fits,
  ms,
  shared,
  template,
  text,
  variable,
  word,
} from './nginx-writer.ts';

/** What both halves of the translation need to know. */
export interface Vocabulary {
  /** Clusters that have an upstream. */
  readonly usable: ReadonlyMap<string, Cluster>;
  readonly listen: Bind;
  readonly ownsDefault: boolean;
  readonly report: (problem: string) => void;
}

export interface HttpServers {
  readonly directives: readonly Directive[];
  /** Which upstreams they name. */
  readonly clusters: ReadonlySet<string>;
  readonly hosts: { readonly count: number; readonly longest: number };
}

/** Nobody's host (RFC 6761 §6.4): the new workers answer to it with their generation. */
export const generationHost = 'portolan-generation.invalid';
export const generationPath = '/portolan-generation';

/** A response that does not begin, an open stream on which nothing moves: as in the gateway. */
const streamIdleMs = 300_000;
/** A peer that does not read what we have for it. */
const writeStallMs = 30_000;

/** One server for each virtual host, the one for unknown hosts first. */
export function httpServers(model: TrafficModel, words: Vocabulary): HttpServers {
  const clusters = new Set<string>();
  const taken = new Set<string>();
  const servers: Directive[] = [];
  let fallback: VirtualHost | undefined;
  const serving = [...model.listeners.values()].some((listener) => listener.protocol === 'http');
  const hosts = serving ? [...model.virtualHosts.values()].sort(byName) : [];
  for (const host of hosts) {
    const free = host.domains.filter((domain) => !taken.has(domain));
    for (const domain of free) taken.add(domain);
    if (free.includes('*')) fallback = host;
    const names = free.filter((domain) => domain !== '*' && validName(domain, host, words));
    if (names.length > 0) servers.push(server(names, host.routes, clusters, words));
  }
  const first = server([], fallback?.routes ?? [], clusters, words);
  const names = [...taken].filter(isServerName);
  return {
    directives: [...definitions, first, ...servers],
    clusters,
    hosts: {
      count: names.length,
      longest: names.reduce((longest, name) => Math.max(longest, name.length), 0),
    },
  };
}

function byName(left: VirtualHost, right: VirtualHost): number {
  return left.name < right.name ? -1 : 1;
}

function validName(domain: string, host: VirtualHost, words: Vocabulary): boolean {
  if (isServerName(domain)) return true;
  words.report(
    `virtual host ${JSON.stringify(host.name)}: ${JSON.stringify(domain)} is left out: not a host name that nginx takes`,
  );
  return false;
}

const connectionVariable = 'portolan_connection';
const hostVariable = 'portolan_host';

/** Used by every server of ours. Inside `http` these names are ours alone. */
const definitions: readonly Directive[] = [
  dollarDefinition,
  block(
    'map',
    [variable('http_upgrade'), variable(connectionVariable)],
    [directive('default', 'upgrade'), directive('', text(''))],
  ),
  // $host is what the server was chosen by, whatever else the client says, but it lacks the port.
  block(
    'map',
    [variable('http_host'), variable(hostVariable)],
    [
      directive('default', template(variable('host'))),
      directive('~(?<portolan_port>:[0-9]+)$', template(variable('host'), variable('portolan_port'))),
    ],
  ),
];

export function listenArgs({ address, port }: Bind): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** @param names none: the server for hosts that nobody claimed */
function server(
  names: readonly string[],
  routes: readonly Route[],
  clusters: Set<string>,
  words: Vocabulary,
): Directive {
  const isDefault = names.length === 0;
  return block(
    'server',
    [],
    [
      directive(
        'listen',
        listenArgs(words.listen),
        ...(isDefault && words.ownsDefault ? ['default_server'] : []),
      ),
      directive('server_name', ...(isDefault ? [text('')] : names.map(text))),
      ...serverSettings,
      ...locations(routes, clusters, words),
    ],
  );
}

/**
 * What holds for every request: bodies go through as they come, both ways; who asked is told by us and by nobody else. In each
 * server and not in `http`, which may be somebody else's.
 */
const serverSettings = shared([
  directive('server_tokens', 'off'),
  directive('client_max_body_size', 0),
  directive('proxy_http_version', '1.1'),
  directive('proxy_request_buffering', 'off'),
  directive('proxy_buffering', 'off'),
  directive('proxy_redirect', 'off'),
  directive('proxy_send_timeout', ms(writeStallMs)),
  header('Host', template(variable(hostVariable))),
  header('Connection', template(variable(connectionVariable))),
  header('Upgrade', template(variable('http_upgrade'))),
  header('X-Forwarded-For', template(variable('remote_addr'))),
  header('X-Forwarded-Host', template(variable(hostVariable))),
  header('X-Forwarded-Proto', template(variable('scheme'))),
  header('X-Request-Id', template(variable('request_id'))),
  // A request header that CGI programs take for their HTTP_PROXY.
  header('Proxy', template('')),
]);

function header(name: string, value: ReturnType<typeof template>): Directive {
  return directive('proxy_set_header', name, value);
}

/**
 * The model takes the first prefix that matches, nginx the longest: they agree once those are gone that an earlier one hides.
 */
function locations(routes: readonly Route[], clusters: Set<string>, words: Vocabulary): Directive[] {
  const reachable: Route[] = [];
  for (const route of routes) {
    const pathPrefix = route.match.path.value;
    if (reachable.some((earlier) => pathPrefix.startsWith(earlier.match.path.value))) continue;
    const problem = prefixProblem(pathPrefix);
    if (problem === undefined) reachable.push(route);
    else words.report(`a route is left out: its path prefix ${JSON.stringify(pathPrefix)} ${problem}`);
  }
  const answer = (path: string): readonly Directive[] => {
    const route = reachable.find(({ match }) => path.startsWith(match.path.value));
    return route === undefined ? defaultBackend(path) : actionOf(route, clusters, words);
  };
  const exact = new Set<string>();
  // nginx would redirect `/a` to `/a/` by itself where `location /a/` is passed on.
  for (const { match } of reachable) {
    const pathPrefix = match.path.value;
    if (pathPrefix.length > 1 && pathPrefix.endsWith('/')) exact.add(pathPrefix.slice(0, -1));
  }
  const prefixes = new Set(reachable.map(({ match }) => match.path.value));
  if (!prefixes.has('/')) {
    prefixes.add('/');
    exact.add(healthPath);
  }
  return [
    ...[...exact].map((path) => block('location', ['=', text(path)], answer(path))),
    ...[...prefixes].map((prefix) => block('location', [text(prefix)], answer(prefix))),
  ];
}

const healthPath = '/healthz';

/** What a host that nobody claimed is answered, word by word as the gateway does. */
function defaultBackend(path: string): readonly Directive[] {
  return path === healthPath ? plain(200, 'ok\n') : plain(404, 'default backend - 404\n');
}

function actionOf(route: Route, clusters: Set<string>, words: Vocabulary): readonly Directive[] {
  const { action } = route;
  if (action.type === 'direct') return directAnswer(action, words);
  if (action.type === 'redirect') return plain(500, 'this answer cannot be given by nginx\n');
  const cluster = words.usable.get(action.targets[0]?.cluster ?? '');
  if (cluster === undefined) return plain(503, 'no healthy upstream\n');
  clusters.add(cluster.name);
  return proxied(cluster, route, words);
}

function proxied(cluster: Cluster, { timeoutMs, retry }: Route, words: Vocabulary): readonly Directive[] {
  const label = template(cluster.name);
  if (!fits(label)) words.report(`cluster ${JSON.stringify(cluster.name)}: its name is too long for the log`);
  const connectTimeoutMs =
    timeoutMs > 0 ? Math.min(timeoutMs, cluster.connectTimeoutMs) : cluster.connectTimeoutMs;
  const tries = retry.on.length === 0 ? 1 : retry.retries + 1;
  const readTimeoutMs = retry.perTryTimeoutMs || timeoutMs || streamIdleMs;
  // Not longer than it takes to find nobody at home: an answer that was waited for in vain is not asked for again.
  const windowMs =
    retry.perTryTimeoutMs > 0 ? timeoutMs : Math.min(timeoutMs || Infinity, connectTimeoutMs * tries);
  return [
    // For the access log of whoever includes us.
    directive('set', variable('portolan_service'), fits(label) ? label : template('')),
    directive('proxy_connect_timeout', ms(connectTimeoutMs)),
    directive('proxy_read_timeout', ms(readTimeoutMs)),
    ...(tries === 1
      ? [directive('proxy_next_upstream', 'off')]
      : [
          // Of requests that were sent already nginx repeats only idempotent ones.
          directive('proxy_next_upstream', 'error', 'timeout'),
          directive('proxy_next_upstream_tries', tries),
          directive('proxy_next_upstream_timeout', ms(windowMs)),
        ]),
    directive('proxy_pass', `http://${upstreamName(cluster.name)}`),
  ];
}

/** `return` with these takes its text for an address, or closes the connection. */
const notAnswerable = new Set([301, 302, 303, 307, 308, 444]);
const printable = /^[\x20-\x7e]+$/;

type DirectAction = Extract<RouteAction, { type: 'direct' }>;

function directAnswer(
  { status, body, contentType }: DirectAction,
  { report }: Vocabulary,
): readonly Directive[] {
  const refusal = directProblem({ type: 'direct', status, body, contentType });
  if (refusal === undefined) return answer(status, body, contentType);
  report(`a direct answer is replaced by status 500: ${refusal}`);
  return plain(500, 'this answer cannot be given by nginx\n');
}

function directProblem({ status, body, contentType }: DirectAction): string | undefined {
  const known = Number.isInteger(status) && status >= 200 && status <= 599 && !notAnswerable.has(status);
  if (!known) return `nginx cannot give one with status ${status}`;
  if (!printable.test(contentType)) return 'its content type is not printable ASCII';
  return fits(template(body)) ? undefined : 'its body is too long';
}

function plain(status: number, body: string): readonly Directive[] {
  return answer(status, body, 'text/plain; charset=utf-8');
}

function answer(status: number, body: string, contentType: string): readonly Directive[] {
  return [
    // Else the path's ending would say what the content is.
    block('types', [], []),
    directive('default_type', text(contentType)),
    directive('return', status, template(body)),
  ];
}

/** Answers with the hash of the configuration that the asked worker runs. */
export function generationServer(generation: string, listen: Bind): Directive {
  return block(
    'server',
    [],
    [
      directive('listen', listenArgs(listen)),
      directive('server_name', text(generationHost)),
      directive('access_log', word('off')),
      block('location', ['=', text(generationPath)], plain(200, generation)),
      block('location', [text('/')], plain(404, '')),
    ],
  );
}
