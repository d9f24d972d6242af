import type { Route, TrafficModel, VirtualHost } from '@portolan/core/traffic/model.ts';
import type { Bind } from '../../contract.ts';
import { isServerName } from './names.ts';
import {
  block,
  type Directive,
  directive,
  dollarDefinition,
  ms,
  shared,
  type Token,
  template,
  text,
  variable,
  word,
} from './nginx-writer.ts';
import { escaped } from './path-regex.ts';
import { plain, type RouteContext, routing } from './translate-routes.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface HttpServers {
  readonly directives: readonly Directive[];
  /** Which upstreams they name. */
  readonly clusters: ReadonlySet<string>;
  readonly hosts: { readonly count: number; readonly longest: number };
}

/** Nobody's host (RFC 6761 §6.4): the new workers answer to it with their generation. */
export const generationHost = 'portolan-generation.invalid';
export const generationPath = '/portolan-generation';

/** A peer that does not read what we have for it. */
const writeStallMs = 30_000;

/** Where HTTP is served, and whose virtual hosts. */
interface HttpDoor {
  readonly listen: Bind;
  readonly table: string;
  /** Whether hosts that nobody claims are ours to answer there. */
  readonly ownsDefault: boolean;
}

/**
 * One server for each virtual host, the one for unknown hosts first; the same for each listener beside the built-in one, at its own port.
 *
 * @param own doors of listeners that have a port of their own
 */
export function httpServers(
  model: TrafficModel,
  words: Vocabulary,
  own: readonly OwnHttpDoor[],
): HttpServers {
  const clusters = new Set<string>();
  const made: Directive[] = [];
  const define: RouteContext['define'] = (make) => {
    const name = `portolan_v${made.length}`;
    made.push(make(name));
    return name;
  };
  const context: RouteContext = { words, clusters, define };
  const names = new Set<string>();
  const { listen, ownsDefault } = words;
  const builtIn = [...model.listeners.values()].find(
    (listener) => listener.bind === 'gateway' && listener.protocol === 'http',
  );
  const table = builtIn?.protocol === 'http' ? builtIn.table : '';
  const servers = [
    { listen, ownsDefault, table },
    ...own.map((door) => ({ ...door, ownsDefault: true })),
  ].flatMap((door) => serversOf(door, model, context, names));
  return {
    directives: [...definitions, ...made, ...servers],
    clusters,
    hosts: {
      count: names.size,
      longest: [...names].reduce((longest, name) => Math.max(longest, name.length), 0),
    },
  };
}

export type OwnHttpDoor = Omit<HttpDoor, 'ownsDefault'>;

function serversOf(
  door: HttpDoor,
  model: TrafficModel,
  context: RouteContext,
  all: Set<string>,
): readonly Directive[] {
  const taken = new Set<string>();
  const parts: ServerPart[] = [];
  let fallback: VirtualHost | undefined;
  const hosts = [...model.virtualHosts.values()].filter(({ table }) => table === door.table).sort(byName);
  for (const host of hosts) {
    const free = host.domains.filter((domain) => !taken.has(domain));
    for (const domain of free) taken.add(domain);
    if (free.includes('*')) fallback = host;
    const names = free.filter((domain) => domain !== '*' && validName(domain, host, context.words));
    if (names.length > 0) parts.push({ names, routes: host.routes });
    for (const name of names) all.add(name);
  }
  const ordered = [...taken].some((domain) => domain.startsWith('?.')) ? byPrecedence(parts) : parts;
  return [
    server(door, [], fallback?.routes ?? [], context),
    ...ordered.map(({ names, routes }) => server(door, names.map(text), routes, context)),
  ];
}

interface ServerPart {
  readonly names: readonly string[];
  readonly routes: readonly Route[];
}

/**
 * nginx has no word for `?.suffix`, one label, but a pattern, and asks patterns after all wildcards, in the order of the file. So where there is one, all
 * wildcards become patterns, in the model's order: one label first, then the longest suffix.
 */
function byPrecedence(parts: readonly ServerPart[]): readonly ServerPart[] {
  const exact = parts.map(({ names, routes }) => ({
    routes,
    names: names.filter((name) => !/^[?*]/.test(name)),
  }));
  const patterns = parts.flatMap(({ names, routes }) =>
    names.filter((name) => /^[?*]/.test(name)).map((name) => ({ name, routes })),
  );
  const rank = (name: string): number => (name.startsWith('?') ? 1_000 : 0) + name.length;
  patterns.sort((left, right) => rank(right.name) - rank(left.name));
  return [
    ...exact.filter(({ names }) => names.length > 0),
    ...patterns.map(({ name, routes }) => ({ routes, names: [patternOf(name)] })),
  ];
}

function patternOf(domain: string): string {
  return `~^${domain.startsWith('?') ? '[^.]+' : '.+'}${escaped(domain.slice(1))}$`;
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
  { listen, ownsDefault }: HttpDoor,
  names: readonly Token[],
  routes: readonly Route[],
  context: RouteContext,
): Directive {
  const isDefault = names.length === 0;
  return block(
    'server',
    [],
    [
      directive('listen', listenArgs(listen), ...(isDefault && ownsDefault ? ['default_server'] : [])),
      directive('server_name', ...(isDefault ? [text('')] : names)),
      ...serverSettings,
      ...routing(routes, context),
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
