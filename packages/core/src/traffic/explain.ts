import { type IpAddress, parseIp } from '../base/ip-address.ts';
import type { Endpoint, TrafficModel } from './model.ts';
import {
  edgeTable,
  type NamedMatch,
  type PathMatch,
  type Route,
  type RouteMatch,
  type TextMatch,
  type VirtualHost,
} from './route.ts';
import { actionText, conditionTexts, namedText, pathText, policyTexts, shares } from './route-text.ts';

/** A request, as the gateway would see it. */
export interface ExplainedRequest {
  /** Default: the built-in edge's. */
  readonly table?: string;
  /** Without port, or with one that is left out. */
  readonly host: string;
  /** With its query, if there is one. */
  readonly target: string;
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** In any case, repeated ones several times. */
  readonly headers: readonly (readonly [string, string])[];
  /** Of the client; absent: no rule about addresses holds. */
  readonly source?: string;
}

export interface Explanation {
  readonly table: string;
  readonly host: string;
  readonly path: string;
  /** Where this table has no virtual host of that name: tables that have one. */
  readonly otherTables?: readonly string[];
  /** Undefined: no virtual host has this name. */
  readonly virtualHost?: { readonly name: string; readonly domain: string };
  /** In their order, up to the one that matches, at most `maxCandidates`; the last one is always there. */
  readonly candidates: readonly Candidate[];
  /** How many were looked at in all. */
  readonly looked: number;
  /** Undefined: none matches. */
  readonly route?: ExplainedRoute;
}

export interface Candidate {
  readonly route: string;
  readonly match: string;
  /** The first condition that did not hold; absent: this one matches. */
  readonly failed?: { readonly condition: string; readonly found: string };
}

export interface ExplainedRoute {
  readonly name: string;
  readonly match: string;
  readonly action: string;
  readonly policies: readonly string[];
  readonly targets: readonly ExplainedTarget[];
}

export interface ExplainedTarget {
  /** Absent: answered with `status`. */
  readonly cluster?: string;
  readonly status?: number;
  readonly percent: number;
  readonly endpoints: readonly Pick<Endpoint, 'id' | 'address' | 'port' | 'weight' | 'state' | 'labels'>[];
  /** More than are listed. */
  readonly endpointCount: number;
}

/** Makes a test of an expression in RE2's syntax: whether all of a text matches. Throws for one that is none. */
export type CompileRegex = (pattern: string, ignoreCase: boolean) => (text: string) => boolean;

const maxCandidates = 100;
const maxEndpoints = 20;

/** Which rule a request would meet, why no earlier one, and where it would go: what the gateway's router does, told step by step. */
export function explain(model: TrafficModel, request: ExplainedRequest, regex: CompileRegex): Explanation {
  const table = request.table ?? edgeTable;
  const host = withoutPort(request.host).toLowerCase();
  const [written = '/', query] = splitOnce(request.target, '?');
  const path = canonical(written);
  const seen: Seen = { request, path, values: valuesOf(request, path, query), regex };
  const found = findHost(model, table, host);
  const base = { table, host, path: seen.path };
  if (found === undefined) {
    return { ...base, otherTables: tablesWith(model, host), candidates: [], looked: 0 };
  }
  const candidates: Candidate[] = [];
  let looked = 0;
  let chosen: Route | undefined;
  for (const route of found.host.routes) {
    looked += 1;
    const failed = firstFailure(route.match, seen);
    const candidate = { route: route.name, match: matchText(route.match), ...(failed && { failed }) };
    if (failed === undefined) chosen = route;
    if (candidates.length < maxCandidates) candidates.push(candidate);
    else candidates[maxCandidates - 1] = candidate;
    if (chosen !== undefined) break;
  }
  return {
    ...base,
    virtualHost: { name: found.host.name, domain: found.domain },
    candidates,
    looked,
    ...(chosen === undefined ? {} : { route: explainedRoute(model, chosen) }),
  };
}

/** Path and conditions in one line. */
export function matchText(match: RouteMatch): string {
  return [pathText(match.path), ...conditionTexts(match)].join(', ');
}

function explainedRoute(model: TrafficModel, route: Route): ExplainedRoute {
  const { action } = route;
  return {
    name: route.name,
    match: matchText(route.match),
    action: actionText(action),
    policies: policyTexts(route),
    targets:
      action.type !== 'forward'
        ? []
        : shares(action.targets).map(({ target, percent }) => {
            const endpoints =
              target.cluster === undefined ? [] : (model.clusters.get(target.cluster)?.endpoints ?? []);
            return {
              ...(target.cluster === undefined
                ? { status: target.status ?? 500 }
                : { cluster: target.cluster }),
              percent,
              endpoints: endpoints
                .slice(0, maxEndpoints)
                .map(({ id, address, port, weight, state, labels }) => ({
                  ...{ id, address, port, weight, state, labels },
                })),
              endpointCount: endpoints.length,
            };
          }),
  };
}

interface Found {
  readonly host: VirtualHost;
  readonly domain: string;
}

/** The name itself, then `?.suffix`, then the longest `*.suffix`, then `*`; of several with one domain, the first by name. */
function findHost(model: TrafficModel, table: string, name: string): Found | undefined {
  const domains = new Map<string, VirtualHost>();
  for (const host of model.virtualHosts.values()) {
    if (host.table !== table) continue;
    for (const domain of host.domains) {
      const holder = domains.get(domain);
      if (holder === undefined || host.name < holder.name) domains.set(domain, host);
    }
  }
  for (const domain of domainsFor(name)) {
    const host = domains.get(domain);
    if (host !== undefined) return { host, domain };
  }
  return undefined;
}

const maxOtherTables = 10;

function tablesWith(model: TrafficModel, host: string): readonly string[] {
  const wanted = new Set(domainsFor(host));
  const tables = new Set<string>();
  for (const { table, domains } of model.virtualHosts.values()) {
    if (domains.some((domain) => wanted.has(domain))) tables.add(table);
    if (tables.size === maxOtherTables) break;
  }
  return [...tables];
}

function* domainsFor(name: string): Generator<string> {
  yield name;
  let dot = name.indexOf('.');
  if (dot > 0) yield `?${name.slice(dot)}`;
  for (; dot !== -1; dot = name.indexOf('.', dot + 1)) yield `*${name.slice(dot)}`;
  yield '*';
}

interface Seen {
  readonly request: ExplainedRequest;
  readonly path: string;
  readonly values: Readonly<Record<'header' | 'cookie' | 'query', ReadonlyMap<string, string>>>;
  readonly regex: CompileRegex;
}

function firstFailure(match: RouteMatch, seen: Seen): Candidate['failed'] {
  const { request, values } = seen;
  if (!pathMatches(match.path, seen)) return { condition: `path ${pathText(match.path)}`, found: seen.path };
  if (match.methods !== undefined && !match.methods.includes(request.method)) {
    return { condition: `method ${match.methods.join('|')}`, found: request.method };
  }
  if (match.scheme !== undefined && match.scheme !== request.scheme) {
    return { condition: `scheme ${match.scheme}`, found: request.scheme };
  }
  const groups = [
    ['header', match.headers],
    ['cookie', match.cookies],
    ['query', match.query],
  ] as const;
  for (const [kind, wanted] of groups) {
    const failed = (wanted ?? []).find((one) => !valueMatches(one, values[kind].get(one.name), seen.regex));
    if (failed !== undefined) return failureOf(kind, failed, values[kind].get(failed.name));
  }
  if (match.sources !== undefined) {
    const { source } = request;
    if (!match.sources.some((range) => isWithin(range, source))) {
      return { condition: `from ${match.sources.join('|')}`, found: source ?? 'no address given' };
    }
  }
  return undefined;
}

function failureOf(kind: string, match: NamedMatch, value: string | undefined): Candidate['failed'] {
  return { condition: `${kind} ${namedText(match)}`, found: value === undefined ? 'not there' : value };
}

function pathMatches({ type, value, ignoreCase }: PathMatch, { path, regex }: Seen): boolean {
  if (type === 'regex') return tested(regex, value, ignoreCase === true, path);
  const fold = ignoreCase === true;
  const wanted = fold ? canonical(value).toLowerCase() : canonical(value);
  const said = fold ? path.toLowerCase() : path;
  if (type === 'exact') return said === wanted;
  if (type === 'prefix') return wanted === '/' || said.startsWith(wanted);
  const bare = wanted.endsWith('/') ? wanted.slice(0, -1) : wanted;
  return bare === '' || said === bare || said.startsWith(`${bare}/`);
}

/** An expression that is none matches nothing, inverted or not. */
function valueMatches(match: TextMatch, value: string | undefined, regex: CompileRegex): boolean {
  if (match.type === 'regex' && compiled(regex, match.value, match.ignoreCase === true) === undefined)
    return false;
  const holds = value !== undefined && holdsFor(match, value, regex);
  return holds !== (match.invert === true);
}

function holdsFor(
  { type, value: wanted, ignoreCase }: TextMatch,
  value: string,
  regex: CompileRegex,
): boolean {
  if (type === 'regex') return tested(regex, wanted, ignoreCase === true, value);
  const [want, said] = ignoreCase === true ? [wanted.toLowerCase(), value.toLowerCase()] : [wanted, value];
  switch (type) {
    case 'present':
      return true;
    case 'exact':
      return said === want;
    case 'prefix':
      return said.startsWith(want);
    case 'suffix':
      return said.endsWith(want);
    case 'contains':
      return said.includes(want);
  }
}

function tested(regex: CompileRegex, pattern: string, ignoreCase: boolean, text: string): boolean {
  return compiled(regex, pattern, ignoreCase)?.(text) ?? false;
}

function compiled(
  regex: CompileRegex,
  pattern: string,
  ignoreCase: boolean,
): ((text: string) => boolean) | undefined {
  try {
    return regex(pattern, ignoreCase);
  } catch {
    return undefined;
  }
}

function valuesOf(request: ExplainedRequest, path: string, query: string | undefined): Seen['values'] {
  const { headers, host, method, scheme } = request;
  const header = new Map<string, string>([
    ['host', host],
    // Rules may name what HTTP/2 calls pseudo-header fields.
    [':authority', host],
    [':method', method],
    [':path', query === undefined ? path : `${path}?${query}`],
    [':scheme', scheme],
  ]);
  const own = new Set(header.keys());
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    if (own.has(key)) continue;
    const before = header.get(key);
    header.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  const cookie = new Map<string, string>();
  for (const pair of (header.get('cookie') ?? '').split(/; ?/)) {
    const [name = '', value] = splitOnce(pair, '=');
    if (value !== undefined && !cookie.has(name)) cookie.set(name, value);
  }
  const parameters = new Map<string, string>();
  for (const pair of (query ?? '').split('&')) {
    if (pair === '') continue;
    const [name = '', value = ''] = splitOnce(pair, '=');
    const key = decoded(name);
    if (!parameters.has(key)) parameters.set(key, decoded(value));
  }
  return { header, cookie, query: parameters };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

function withoutPort(host: string): string {
  return host.replace(/:\d*$/, '').replace(/\.$/, '');
}

/** As the gateway compares paths (RFC 3986 §6.2.2): escapes of plain characters decoded, others in capitals, the rest escaped. */
function canonical(path: string): string {
  const ascii = /^[!-~]*$/.test(path) ? path : encodeURI(path).replaceAll('%25', '%');
  return ascii.replace(/%[0-9a-f]{2}/gi, (triplet) => {
    const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : triplet.toUpperCase();
  });
}

/** Whether an address is in a range such as `10.0.0.0/8`; an IPv4 address that is written as IPv6 is the IPv4 one. */
function isWithin(range: string, source: string | undefined): boolean {
  const [text = '', length] = splitOnce(range, '/');
  const first = parseIp(text);
  const address = source === undefined ? undefined : asIpv4(parseIp(source));
  if (first === undefined || address === undefined || first.family !== address.family) return false;
  const skipped = first.family === 4 ? 96 : 0;
  const bits = length === undefined ? 128 : Number(length) + skipped;
  return first.groups.every((group, index) => {
    const wanted = Math.min(16, Math.max(0, bits - index * 16));
    return ((group ^ (address.groups[index] ?? 0)) & (0xffff << (16 - wanted)) & 0xffff) === 0;
  });
}

/** RFC 4291 §2.5.5.2. */
function asIpv4(address: IpAddress | undefined): IpAddress | undefined {
  if (address === undefined || address.family === 4 || address.groups[5] !== 0xffff) return address;
  if (address.groups.slice(0, 5).some((group) => group !== 0)) return address;
  return { family: 4, groups: [0, 0, 0, 0, 0, 0, ...address.groups.slice(6)] };
}
