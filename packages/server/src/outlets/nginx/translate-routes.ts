import { isIP } from 'node:net';
import type {
  Cluster,
  HeaderChanges,
  Route,
  RouteAction,
  RoutePolicies,
  WeightedTarget,
} from '@portolan/core/traffic/model.ts';
import { createConditions } from './conditions.ts';
import { prefixProblem, upstreamName } from './names.ts';
import {
  block,
  type Directive,
  directive,
  fits,
  ms,
  type Token,
  template,
  text,
  type Variable,
  variable,
  word,
} from './nginx-writer.ts';
import { pathRegex } from './path-regex.ts';
import type { Vocabulary } from './vocabulary.ts';
import { splitOf } from './weights.ts';

/** A response that does not begin, an open stream on which nothing moves: as in the gateway. */
const streamIdleMs = 300_000;

/** What the servers of one listener say of their routes. */
export interface RouteContext {
  readonly words: Vocabulary;
  /** Upstreams that are named. */
  readonly clusters: Set<string>;
  /** Adds a directive to `http`, for a variable of its own, and gives the variable's name. */
  readonly define: (make: (name: string) => Directive) => string;
}

/** The locations of a server, and what goes before them. */
export function routing(all: readonly Route[], context: RouteContext): Directive[] {
  // Nobody comes here by TLS.
  const routes = all.filter(({ match }) => match.scheme !== 'https');
  return routes.every(isPlainPrefix) ? prefixLocations(routes, context) : orderedLocations(routes, context);
}

function isPlainPrefix({ match }: Route): boolean {
  const { path, methods, headers, query, cookies, sources } = match;
  if (path.type !== 'prefix' || path.ignoreCase === true || methods !== undefined) return false;
  return [headers, query, cookies, sources].every((list) => list === undefined || list.length === 0);
}

/**
 * The model takes the first prefix that matches, nginx the longest: they agree once those are gone that an earlier one hides.
 */
function prefixLocations(routes: readonly Route[], context: RouteContext): Directive[] {
  const { words } = context;
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
    return route === undefined ? defaultBackend(path) : actionOf(route, context);
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

/**
 * Routes that ask for more than a prefix: one `map` takes the first that fits, by its conditions and its path, and each has a location of its
 * own. A route that nginx cannot tell from others keeps what might be its own from everybody: it is answered 500.
 */
function orderedLocations(routes: readonly Route[], context: RouteContext): Directive[] {
  const { define, words } = context;
  const { conditions, variables } = createConditions(define);
  const wanted = routes.map((route) => ({
    route,
    path: pathRegex(route.match.path),
    numbers: conditions.of(route.match),
  }));
  const lines: Directive[] = [];
  const locations: Directive[] = [];
  for (const [index, { route, path, numbers }] of wanted.entries()) {
    const known = path !== undefined && numbers !== undefined;
    if (!known)
      words.report(
        `route ${JSON.stringify(route.name)} is answered 500: nginx cannot match what it asks for`,
      );
    const bits = variables.map((_, number) => (numbers?.includes(number) === true ? '1' : '.')).join('');
    // A path that cannot be said may be any.
    lines.push(directive(`~^${bits}:${path ?? ''}`, word(String(index))));
    const answers = known ? actionOf(route, context, variable('request_uri')) : unsayable;
    locations.push(block('location', ['=', text(`${routePath}${index}`)], answers));
    if (path === undefined) break;
  }
  const none = [healthPath, '/'].map((path) =>
    block('location', ['=', text(`${routePath}${path}`)], defaultBackend(path)),
  );
  const any = '.'.repeat(variables.length);
  lines.push(directive(`~^${any}:${healthPath}\\z`, text(healthPath)));
  const source = template(...variables.map((name) => variable(name)), ':', variable('uri'));
  const chosen = define((name) =>
    block('map', [source, variable(name)], [directive('default', text('/')), ...lines]),
  );
  return [
    directive('rewrite', text('^'), template(routePath, variable(chosen)), 'last'),
    ...locations,
    ...none,
  ];
}

/** Whatever path a client names, it is matched before; these are seen by nobody. */
const routePath = '/portolan-route-';

const unsayable = plain(500, 'this route cannot be served by nginx\n');

/** @param uri said aloud where a rewrite has taken its place */
function actionOf(route: Route, context: RouteContext, uri?: Variable): readonly Directive[] {
  const { words } = context;
  const { action, policies } = route;
  const foreign = foreignPolicy(policies);
  if (foreign !== undefined) {
    words.report(`route ${JSON.stringify(route.name)} is answered 500: nginx is not told of its ${foreign}`);
    return unsayable;
  }
  if (action.type === 'forward') {
    const before = policies === undefined ? [] : policyDirectives(policies);
    return [...before, ...forwarded(route, action.targets, context, uri)];
  }
  if (policies?.access !== undefined) {
    words.report(
      `route ${JSON.stringify(route.name)} is answered 500: nginx would answer before it asks who may`,
    );
    return unsayable;
  }
  return action.type === 'direct' ? directAnswer(action, words) : redirection(action, words);
}

/** Policies that are written, or that change nothing that a client could rely on. All others would be left out unseen. */
const nativePolicies: ReadonlySet<string> = new Set(['access', 'maxBodyBytes', 'bufferRequest', 'satisfy']);

function foreignPolicy(policies: RoutePolicies | undefined): string | undefined {
  for (const [name, value] of Object.entries(policies ?? {})) {
    if (value === undefined || nativePolicies.has(name)) continue;
    return `policy ${name}`;
  }
  const ranges = [...(policies?.access?.allow ?? []), ...(policies?.access?.deny ?? [])];
  return ranges.every((range) => isRange(range)) ? undefined : 'policy access';
}

function isRange(range: string): boolean {
  const [address = '', bits = '0', ...more] = range.split('/');
  return isIP(address) !== 0 && /^[0-9]{1,3}$/.test(bits) && more.length === 0;
}

function policyDirectives({ access, maxBodyBytes }: RoutePolicies): readonly Directive[] {
  return [
    ...(access?.deny ?? []).map((range) => directive('deny', text(range))),
    ...(access?.allow ?? []).map((range) => directive('allow', text(range))),
    ...(access?.allow === undefined ? [] : [directive('deny', 'all')]),
    ...(maxBodyBytes === undefined
      ? []
      : [directive('client_max_body_size', Math.max(1, Math.round(maxBodyBytes)))]),
  ];
}

type RedirectAction = Extract<RouteAction, { type: 'redirect' }>;

const redirects = new Set([301, 302, 303, 307, 308]);

function redirection(action: RedirectAction, { report }: Vocabulary): readonly Directive[] {
  const address = redirects.has(action.status) ? redirectAddress(action) : undefined;
  if (address !== undefined && fits(address)) return [directive('return', action.status, address)];
  report('a redirect is answered 500: nginx cannot give it');
  return unsayable;
}

/** Undefined: a part of the path is to be exchanged, or there are octets that no address has. */
function redirectAddress({ location, scheme, host, port, path }: RedirectAction): Token | undefined {
  const said = [location, host, path?.value].every(
    (part) => part === undefined || printable.test(part) || part === '',
  );
  if (!said || (path !== undefined && path.type !== 'full')) return undefined;
  // What begins otherwise nginx would complete by itself.
  if (location !== undefined) return /^(?:https?:\/\/|\/)/.test(location) ? template(location) : undefined;
  const target =
    path === undefined ? [variable('request_uri')] : [path.value, variable('is_args'), variable('args')];
  if (path !== undefined && !path.value.startsWith('/')) return undefined;
  // Another scheme, another port; else the port that the client named stays.
  const keepsPort = scheme === undefined && port === undefined;
  const name = host ?? variable(keepsPort ? 'portolan_host' : 'host');
  const ending = port === undefined ? [] : [`:${port}`];
  return template(scheme ?? variable('scheme'), '://', name, ...ending, ...target);
}

/** Where a share of requests goes: to a cluster, or nowhere, with a status. */
function forwarded(
  route: Route,
  targets: readonly WeightedTarget[],
  { words, clusters, define }: RouteContext,
  uri: Variable | undefined,
): readonly Directive[] {
  const drawn = targets.filter(({ weight }) => weight > 0);
  if (drawn.some(changesHeaders)) {
    words.report(
      `route ${JSON.stringify(route.name)} is answered 500: nginx is not told of its header changes`,
    );
    return unsayable;
  }
  const usable = drawn.flatMap(({ cluster }) => words.usable.get(cluster ?? '') ?? []);
  if (usable.some(({ proxyProtocol }) => proxyProtocol !== undefined)) {
    words.report(
      `route ${JSON.stringify(route.name)} is answered 500: nginx sends no PROXY protocol header before HTTP`,
    );
    return unsayable;
  }
  const [first] = usable;
  if (first === undefined) return noUpstream(drawn);
  for (const { name } of usable) clusters.add(name);
  if (drawn.length === 1) return proxied(first, route, words, `http://${upstreamName(first.name)}`, uri);
  const split = define((name) => splitOf(template(variable('request_id')), name, drawn, words.usable));
  return [
    // A share without anybody behind it.
    block('if', [text('('), variable(split), '=', text(''), text(')')], [directive('return', 503)]),
    ...proxied(first, route, words, variable(split), uri),
  ];
}

function noUpstream(drawn: readonly WeightedTarget[]): readonly Directive[] {
  const named = drawn.length === 0 || drawn.some(({ cluster }) => cluster !== undefined);
  return named ? plain(503, 'no healthy upstream\n') : plain(500, 'there is no such service\n');
}

function changesHeaders({ requestHeaders, responseHeaders }: WeightedTarget): boolean {
  return [requestHeaders, responseHeaders].some(
    (changes: HeaderChanges | undefined) =>
      changes !== undefined && Object.values(changes).some((list: readonly unknown[]) => list.length > 0),
  );
}

function proxied(
  cluster: Cluster,
  { timeoutMs, retry }: Route,
  words: Vocabulary,
  upstream: string | Variable,
  uri: Variable | undefined,
): readonly Directive[] {
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
    directive('proxy_pass', passTo(upstream, uri)),
  ];
}

function passTo(upstream: string | Variable, uri: Variable | undefined): Token {
  if (typeof upstream === 'string' && uri === undefined) return word(upstream);
  const parts = typeof upstream === 'string' ? [upstream] : ['http://', upstream];
  return template(...parts, ...(uri === undefined ? [] : [uri]));
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

export function plain(status: number, body: string): readonly Directive[] {
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
