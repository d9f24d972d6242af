import type { IstioStreamDestination, VirtualService } from '../../../rules/istio.ts';
import type { RuleOf } from '../../../rules/rule.ts';
import { hostOf } from '../../derived-names.ts';
import type { TlsAction } from '../../listener.ts';
import { edgeTable, type Route, type WeightedTarget } from '../../route.ts';
import type {
  ListenerContribution,
  PlainRoute,
  PlanContext,
  TlsContribution,
  Translator,
} from '../contract.ts';
import { terminateTcp } from '../edge-certificates.ts';
import { intersection } from '../gateway-api/hostnames.ts';
import { type Age, ageOf, rankAsWritten, rankByAge } from '../rank.ts';
import { destinationTarget } from './destinations.ts';
import { terminationOf } from './gateway.ts';
import { type Bindings, bindingsOf, type Entrance } from './gateways.ts';
import { type WrittenRoute, writtenRoutes } from './http-routes.ts';
import { istioApi, mesh } from './names.ts';
import { serviceOfHost } from './service-host.ts';

export const virtualServiceTranslator: Translator<VirtualService> = {
  apiVersion: istioApi,
  kind: 'VirtualService',
  translate(rule, context) {
    const { hosts = [], gateways } = rule.manifest.spec;
    // Without hosts it is in force only where another one delegates to it.
    if (hosts.length === 0) return {};
    const bindings = bindingsOf(gateways, rule.namespace, context, 'spec.gateways');
    const age = ageOf(rule);
    return {
      routes: httpRoutes(rule, bindings, age, context),
      tlsHosts: [...tlsHosts(rule, bindings, age, context), ...terminatedTcp(rule, bindings, age, context)],
      listeners: tcpListeners(rule, bindings, age, context),
    };
  },
};

type Rule = RuleOf<VirtualService>;

function httpRoutes(rule: Rule, bindings: Bindings, age: Age, context: PlanContext): PlainRoute[] {
  const written = writtenRoutes(rule, context);
  if (written.length === 0) return [];
  const places = placesOf(rule, bindings, context);
  if (places.length === 0) reportNowhere(rule, bindings, context);
  return places.flatMap((place) => {
    const routes = written
      .map((one, position) => ({ one, position }))
      .filter(({ one }) => holdsAt(one, place, rule.namespace, context))
      .map(({ one, position }) => routeAt(place, one, rankAsWritten(age, position), context.subject));
    if (place.redirectScheme !== undefined) routes.unshift(toHttps(place, age, context));
    return routes;
  });
}

interface Place {
  readonly table: string;
  readonly host: string;
  readonly scheme: 'http' | 'https' | undefined;
  readonly ports: ReadonlySet<number>;
  /** The gateway's names in `spec.gateways` do not matter for the mesh. */
  readonly mesh: boolean;
  /** A server of it sends plain HTTP to HTTPS. */
  readonly redirectScheme: 'http' | undefined;
  readonly entrances: readonly Entrance[];
}

function placesOf(rule: Rule, { entrances, mesh: inMesh }: Bindings, context: PlanContext): Place[] {
  const hosts = rule.manifest.spec.hosts ?? [];
  const places = new Map<string, Place>();
  for (const entrance of entrances) {
    if (entrance.kind !== 'http' && entrance.kind !== 'https') continue;
    for (const wanted of hosts) {
      for (const offered of entrance.hosts) {
        const host = intersection(offered, gatewayHost(wanted, rule.namespace, context));
        if (host !== undefined) addPlace(places, entrance, host);
      }
    }
  }
  if (inMesh) {
    for (const host of hosts) {
      const service = serviceOfHost(host, rule.namespace, context);
      const shown = service && hostOf(service.namespace, service.name, context.settings.gatewayDomain);
      const key = `mesh ${shown}`;
      if (shown === undefined || places.has(`${edgeTable}\0${shown}`)) continue;
      const common = { table: edgeTable, scheme: undefined, ports: new Set<number>(), entrances: [] };
      places.set(key, { ...common, host: shown, mesh: true, redirectScheme: undefined });
    }
  }
  return [...places.values()];
}

/** The short name of a service is asked for at a gateway by the host under which it shows itself. */
function gatewayHost(host: string, namespace: string, context: PlanContext): string {
  if (host.includes('.') || host === '*') return host;
  return hostOf(namespace, host, context.settings.gatewayDomain) ?? host;
}

function addPlace(places: Map<string, Place>, entrance: Entrance, host: string): void {
  const key = `${entrance.table}\0${host}`;
  const known = places.get(key);
  const scheme = known === undefined || known.scheme === entrance.scheme ? entrance.scheme : undefined;
  places.set(key, {
    table: entrance.table,
    host,
    scheme,
    ports: new Set([...(known?.ports ?? []), entrance.port]),
    mesh: false,
    redirectScheme: known?.redirectScheme ?? (entrance.httpsRedirect ? 'http' : undefined),
    entrances: [...(known?.entrances ?? []), entrance],
  });
}

function holdsAt(one: WrittenRoute, place: Place, namespace: string, context: PlanContext): boolean {
  if (one.port !== undefined && !place.mesh && !place.ports.has(one.port)) return false;
  if (one.gateways === undefined) return true;
  const { entrances, mesh: inMesh } = bindingsOf(one.gateways, namespace, context, `${one.path}.gateways`);
  if (place.mesh) return inMesh;
  return entrances.some(({ table, port }) => table === place.table && place.ports.has(port));
}

function routeAt(
  { table, host, scheme, mesh: inMesh }: Place,
  one: WrittenRoute,
  rank: PlainRoute['rank'],
  subject: string,
): PlainRoute {
  const { match, action, policies, timeoutMs, retry, path, name } = one;
  const route: Route = {
    name: `${subject}/${name}`,
    match: scheme === undefined || match.scheme !== undefined ? match : { ...match, scheme },
    action,
    timeoutMs,
    retry,
    ...(Object.keys(policies).length === 0 ? {} : { policies }),
  };
  return { type: 'route', table, host, rank, route, path, ...(inMesh ? { onlyWhereShown: true } : {}) };
}

/** `tls.httpsRedirect` of a server. Nobody wrote it as a route: that two bring it is no conflict. */
function toHttps({ table, host }: Place, age: Age, { settings, subject }: PlanContext): PlainRoute {
  const port = table === edgeTable ? settings.httpsPort : 443;
  const route: Route = {
    name: `${subject}/https`,
    match: { path: { type: 'prefix', value: '/' }, scheme: 'http' },
    action: { type: 'redirect', status: 301, scheme: 'https', port },
    timeoutMs: 0,
    retry: { retries: 0, on: [], perTryTimeoutMs: 0 },
  };
  return { type: 'route', table, host, rank: rankAsWritten(age, -1), route, path: '' };
}

function reportNowhere(rule: Rule, { entrances, mesh: inMesh }: Bindings, context: PlanContext): void {
  if (inMesh && entrances.length === 0) {
    const message = `it is for proxies beside services (gateways: [${mesh}], the default), and none of its hosts is a service here: name the gateway portolan to have it at the edge`;
    context.report('info', 'mesh-only', message, 'spec.gateways');
  } else if (entrances.length > 0) {
    const offered = entrances.flatMap(({ hosts }) => hosts).join(', ');
    const message = `none of its hosts is one of its gateways' (${offered}): ${(rule.manifest.spec.hosts ?? []).join(', ')}`;
    context.report('error', 'no-matching-host', message, 'spec.hosts');
  }
}

function targetsOf(
  route: readonly IstioStreamDestination[] | undefined,
  namespace: string,
  context: PlanContext,
  path: string,
): readonly WeightedTarget[] {
  return (route ?? []).map(({ destination, weight }, index) =>
    destinationTarget(
      destination,
      route?.length === 1 ? 1 : (weight ?? 0),
      namespace,
      context,
      `${path}.route[${index}].destination`,
    ),
  );
}

/** Connections that are passed through by their server name. */
function tlsHosts(rule: Rule, { entrances }: Bindings, age: Age, context: PlanContext): TlsContribution[] {
  const passing = entrances.filter(({ kind }) => kind === 'tls-passthrough');
  return (rule.manifest.spec.tls ?? []).flatMap(({ match, route }, index) => {
    const path = `spec.tls[${index}]`;
    const targets = targetsOf(route, rule.namespace, context, path);
    const action: TlsAction = { type: 'passthrough', targets };
    return match.flatMap(({ sniHosts, port }, at) =>
      passing
        .filter((entrance) => port === undefined || entrance.port === port)
        .flatMap(({ table, hosts }) =>
          namesIn(sniHosts, hosts).map((serverName): TlsContribution => {
            const rank = rankByAge(age, index);
            return { table, serverName, rank, action, path: `${path}.match[${at}]` };
          }),
        ),
    );
  });
}

function namesIn(wanted: readonly string[], offered: readonly string[]): string[] {
  const both = wanted.flatMap((name) => offered.flatMap((host) => intersection(host, name) ?? []));
  return [...new Set(both)];
}

function tcpListeners(
  rule: Rule,
  { entrances }: Bindings,
  age: Age,
  context: PlanContext,
): ListenerContribution[] {
  return tcpRoutes(rule, context).flatMap(({ ports, targets, path, index }) =>
    entrances
      .filter(({ kind, port }) => kind === 'tcp' && (ports === undefined || ports.includes(port)))
      .flatMap(({ bind, port }): ListenerContribution[] => {
        if (typeof bind === 'string') return [];
        const at = bind.address === undefined ? `${port}` : `${bind.address}-${port}`;
        const listener = { name: `gateway-tcp-${at}`, protocol: 'tcp' as const, bind, targets };
        return [{ listener, rank: rankByAge(age, index), path }];
      }),
  );
}

/** TLS that ends at the gateway, with something else than HTTP in it. */
function terminatedTcp(
  rule: Rule,
  { entrances }: Bindings,
  age: Age,
  context: PlanContext,
): TlsContribution[] {
  return tcpRoutes(rule, context).flatMap(({ ports, targets, path, index }) =>
    entrances
      .filter(({ kind, port }) => kind === 'tls-terminate' && (ports === undefined || ports.includes(port)))
      .flatMap((entrance) =>
        entrance.hosts.flatMap((serverName): TlsContribution[] => {
          const made = terminationOf(entrance, serverName, context);
          if (made === undefined) return [];
          const { certificates, more } = made;
          const action = { ...terminateTcp(certificates, targets), ...more };
          return [{ table: entrance.table, serverName, rank: rankByAge(age, index), action, path }];
        }),
      ),
  );
}

function tcpRoutes(rule: Rule, context: PlanContext) {
  return (rule.manifest.spec.tcp ?? []).map(({ match, route }, index) => {
    const path = `spec.tcp[${index}]`;
    const ports = match?.flatMap(({ port }) => port ?? []);
    return {
      ports: ports?.length ? ports : undefined,
      targets: targetsOf(route, rule.namespace, context, path),
      path,
      index,
    };
  });
}
