import { sameJson } from '../base/json.ts';
import type { CatalogDelta, CatalogReader } from '../catalog/reader.ts';
import { type Claims, createClaims } from './claims.ts';
import { maxTcpListeners, minTcpPort, retryDefaults, routeTimeoutMs } from './defaults.ts';
import { type ServiceKey, splitServiceKey } from './derived-names.ts';
import { createDiagnosticSet } from './diagnostics.ts';
import { createLowestPorts } from './lowest-ports.ts';
import type { Diagnostic, Listener, TrafficDelta, TrafficModel, VirtualHost } from './model.ts';
import { type OwnListeners, ownListeners } from './own-listeners.ts';
import type { Planner } from './planner.ts';
import { edgeTable } from './route.ts';
import { planService, type ServicePlan, type ServicePlanOptions, subjectOf } from './service-plan.ts';
import { emptyTables, noNames } from './tables.ts';

export interface PlannerOptions {
  /** A service tagged `http` is served under `<service>.<gatewayDomain>`; lower case, '' = the bare name. */
  readonly gatewayDomain: string;
  /** Asked before each planning: no service may take their ports, and no request is sent to them. Default: none. */
  readonly own?: () => OwnListeners;
  /** TCP listeners that services may open by their names, in all. Default: `maxTcpListeners`. */
  readonly maxTcpListeners?: number;
  /** The lowest port that a service may open. Default: `minTcpPort`. */
  readonly minTcpPort?: number;
}

/**
 * Three steps for every touched service: what it brings by itself (`service-plan.ts`), who holds the host names and ports that
 * it wants or wanted (`claims.ts`), and the listeners and virtual hosts that follow from the holders.
 */
export function createPlanner(options: PlannerOptions): Planner {
  const tables = emptyTables();
  const { listeners, virtualHosts, clusters } = tables;
  const plans = new Map<ServiceKey, ServicePlan>();
  const hosts = createClaims<string>();
  const ports = createClaims<number>();
  const openPorts = createLowestPorts(options.maxTcpListeners ?? maxTcpListeners);
  const diagnostics = createDiagnosticSet();
  let revision = 0;

  const model: TrafficModel = {
    get revision() {
      return revision;
    },
    ...tables,
  };

  /** Which names may differ after the services that are being planned; settled once all of them are. */
  interface Touched {
    readonly options: ServicePlanOptions;
    readonly clusters: Set<string>;
    readonly hosts: Map<string, string | undefined>;
    readonly ports: Map<number, string | undefined>;
    readonly services: Set<ServiceKey>;
  }

  function planOne(catalog: CatalogReader, key: ServiceKey, touched: Touched): void {
    const { namespace, name } = splitServiceKey(key);
    const before = plans.get(key);
    const service = catalog.service(name, namespace);
    const after = service === undefined ? undefined : planService(catalog, service, touched.options, before);
    if (after === undefined) plans.delete(key);
    else plans.set(key, after);

    if (before?.cluster !== after?.cluster) {
      const clusterName = (after ?? before)?.clusterName ?? '';
      if (after?.cluster === undefined) clusters.delete(clusterName);
      else clusters.set(clusterName, after.cluster);
      touched.clusters.add(clusterName);
    }
    moveClaim(hosts, touched.hosts, key, before?.host, after?.host);
    moveClaim(ports, touched.ports, key, before?.port, after?.port);
    touched.services.add(key);
  }

  function settleHost(host: string): boolean {
    const holder = hosts.holder(host);
    const plan = holder === undefined ? undefined : plans.get(holder);
    const before = virtualHosts.get(host);
    if (plan === undefined) return virtualHosts.delete(host);
    const after = virtualHostOf(host, plan.clusterName);
    if (sameJson(before, after)) return false;
    virtualHosts.set(host, after);
    return true;
  }

  function settlePort(port: number): boolean {
    const holder = ports.holder(port);
    const plan = holder === undefined ? undefined : plans.get(holder);
    const name = tcpListenerName(port);
    if (plan === undefined || !openPorts.opens(port)) return listeners.delete(name);
    const after: Listener = Object.freeze({
      name,
      protocol: 'tcp',
      bind: Object.freeze({ port }),
      targets: Object.freeze([Object.freeze({ weight: 1, cluster: plan.clusterName })]),
    });
    if (sameJson(listeners.get(name), after)) return false;
    listeners.set(name, after);
    return true;
  }

  function settle(touched: Touched): TrafficDelta {
    const delta = { ...noNames(), clusters: touched.clusters };
    for (const [host, before] of touched.hosts) {
      if (settleHost(host)) delta.virtualHosts.add(host);
      // Everyone who lost against the one before reads another name now.
      if (hosts.holder(host) !== before) for (const key of hosts.claimants(host)) touched.services.add(key);
    }
    for (const port of touched.ports.keys()) openPorts.ask(port, ports.holder(port) !== undefined);
    for (const port of openPorts.moved()) {
      if (!touched.ports.has(port)) touched.ports.set(port, ports.holder(port));
      for (const key of ports.claimants(port)) touched.services.add(key);
    }
    for (const [port, before] of touched.ports) {
      if (settlePort(port)) delta.listeners.add(tcpListenerName(port));
      if (ports.holder(port) !== before) for (const key of ports.claimants(port)) touched.services.add(key);
    }
    for (const key of touched.services) diagnostics.replace(key, diagnosticsOf(key));
    return delta;
  }

  function diagnosticsOf(key: ServiceKey): readonly Diagnostic[] {
    const plan = plans.get(key);
    if (plan === undefined) return [];
    const hostHolder = plan.host === undefined ? key : (hosts.holder(plan.host) ?? key);
    const portHolder = plan.port === undefined ? key : (ports.holder(plan.port) ?? key);
    const tooMany = plan.port !== undefined && portHolder === key && !openPorts.opens(plan.port);
    if (hostHolder === key && portHolder === key && !tooMany) return plan.diagnostics;
    const found = [...plan.diagnostics];
    if (hostHolder !== key) {
      found.push({
        severity: 'error',
        code: 'derived-name-collision',
        subject: subjectOf(key),
        message: `its host name ${plan.host} is held by ${subjectOf(hostHolder)}, which comes first by name: rename one of them`,
      });
    }
    if (portHolder !== key) {
      found.push({
        severity: 'error',
        code: 'tcp-port-conflict',
        subject: subjectOf(key),
        message: `port ${plan.port} is held by ${subjectOf(portHolder)}, which comes first by name: rename one of them`,
      });
    }
    if (tooMany) {
      found.push({
        severity: 'error',
        code: 'tcp-listener-limit',
        subject: subjectOf(key),
        message: `port ${plan.port} is not opened: services ask for more TCP listeners than gateway.max-tcp-listeners allows, and the lowest ports come first`,
      });
    }
    return found;
  }

  function update(catalog: CatalogReader, delta: CatalogDelta): TrafficDelta {
    revision = delta.revision;
    const touched = untouched();
    for (const key of delta.services) planOne(catalog, key, touched);
    return settle(touched);
  }

  function rebuild(catalog: CatalogReader): TrafficDelta {
    const before = [new Map(listeners), new Map(virtualHosts), new Map(clusters)] as const;
    for (const part of [listeners, virtualHosts, clusters, plans, hosts, ports, openPorts, diagnostics])
      part.clear();
    listeners.set(httpListener.name, httpListener);
    revision = catalog.revision;
    const touched = untouched();
    for (const { namespace, name } of catalog.services()) planOne(catalog, `${namespace}/${name}`, touched);
    settle(touched);
    return {
      ...noNames(),
      listeners: changedNames(before[0], listeners),
      virtualHosts: changedNames(before[1], virtualHosts),
      clusters: changedNames(before[2], clusters),
    };
  }

  function untouched(): Touched {
    const own = options.own?.() ?? nothingOwn;
    return {
      options: { gatewayDomain: options.gatewayDomain, own, minTcpPort: options.minTcpPort ?? minTcpPort },
      clusters: new Set(),
      hosts: new Map(),
      ports: new Map(),
      services: new Set(),
    };
  }

  return {
    model,
    get diagnostics() {
      return diagnostics.list;
    },
    rebuild,
    update,
  };
}

const nothingOwn = ownListeners([], []);

/** The built-in HTTP door: always there. */
const httpListener: Listener = Object.freeze({
  name: 'gateway',
  protocol: 'http',
  bind: 'gateway',
  table: edgeTable,
});

function tcpListenerName(port: number): string {
  return `tcp-${port}`;
}

const everything = Object.freeze({ path: Object.freeze({ type: 'prefix' as const, value: '/' }) });

function virtualHostOf(host: string, cluster: string): VirtualHost {
  return Object.freeze({
    name: host,
    table: edgeTable,
    domains: Object.freeze([host]),
    routes: Object.freeze([
      Object.freeze({
        name: cluster,
        match: everything,
        action: Object.freeze({
          type: 'forward' as const,
          targets: Object.freeze([Object.freeze({ weight: 1, cluster })]),
        }),
        timeoutMs: routeTimeoutMs,
        retry: retryDefaults,
      }),
    ]),
  });
}

/** Remembers in `holders` who held what is given up or asked for, as it was before the first move. */
function moveClaim<K extends string | number>(
  claims: Claims<K>,
  holders: Map<K, string | undefined>,
  key: ServiceKey,
  before: K | undefined,
  after: K | undefined,
): void {
  if (before === after) return;
  for (const thing of [before, after]) {
    if (thing !== undefined && !holders.has(thing)) holders.set(thing, claims.holder(thing));
  }
  if (before !== undefined) claims.remove(before, key);
  if (after !== undefined) claims.add(after, key);
}

function changedNames<T>(before: ReadonlyMap<string, T>, after: ReadonlyMap<string, T>): Set<string> {
  const names = new Set<string>();
  for (const [name, value] of after) if (!sameJson(before.get(name), value)) names.add(name);
  for (const name of before.keys()) if (!after.has(name)) names.add(name);
  return names;
}
