import { sameJson } from '../base/json.ts';
import type { CatalogDelta, CatalogReader } from '../catalog/reader.ts';
import { recordKey } from '../catalog/records.ts';
import { type Claims, createClaims } from './claims.ts';
import { maxTcpListeners, minTcpPort } from './defaults.ts';
import { type ServiceKey, splitServiceKey } from './derived-names.ts';
import { createDiagnosticSet } from './diagnostics.ts';
import { createLowestPorts } from './lowest-ports.ts';
import type { Diagnostic, TrafficDelta, TrafficModel } from './model.ts';
import { type OwnListeners, ownListeners } from './own-listeners.ts';
import type { Planner } from './planner.ts';
import { builtInListeners, passThrough, routeTo, tcpListener } from './registered.ts';
import { edgeTable } from './route.ts';
import type { EdgeCertificate } from './rules/contract.ts';
import { rankOfRegistration } from './rules/rank.ts';
import { createRulePlan } from './rules/rule-plan.ts';
import { translators } from './rules/translators.ts';
import { planService, type ServicePlan, type ServicePlanOptions, subjectOf } from './service-plan.ts';
import { emptyTables, noNames, type TrafficNames } from './tables.ts';

export type { EdgeCertificate } from './rules/contract.ts';

export interface PlannerOptions {
  /** A service tagged `http` is served under `<service>.<gatewayDomain>`; lower case, '' = the bare name. */
  readonly gatewayDomain: string;
  /** Asked before each planning: no service may take their ports, and no request is sent to them. Default: none. */
  readonly own?: () => OwnListeners;
  /** TCP listeners that services may open by their names, in all. Default: `maxTcpListeners`. */
  readonly maxTcpListeners?: number;
  /** The lowest port that a service may open. Default: `minTcpPort`. */
  readonly minTcpPort?: number;
  /**
   * Asked before each planning: the gateway's own certificates, the first of which is shown for names that none is for. The same list as
   * long as nothing changes. Default: none.
   */
  readonly edgeCertificates?: () => readonly EdgeCertificate[];
  /**
   * The ports at which clients reach the built-in doors, for redirects and for rules that name a port; asked at each translation.
   * Default: 80 and 443.
   */
  readonly edgePorts?: () => { readonly http: number; readonly https: number };
  /** Whether the ports of a Service are opened at its virtual address (`spec.clusterIP`). Default: no. */
  readonly virtualAddresses?: boolean;
  /** Whether LoadBalancers have addresses of their own (`spec.loadBalancerIP`). Default: no, they are at the gateway's. */
  readonly loadBalancerPool?: boolean;
}

const usualPorts = (): { readonly http: number; readonly https: number } => ({ http: 80, https: 443 });

/**
 * Three steps for every touched service: what it brings by itself (`service-plan.ts`), who holds the host names and ports that
 * it wants or wanted (`claims.ts`), and the listeners and routes that follow from the holders. These come together with what the rules
 * bring in `rules/rule-plan.ts`, after them in rank.
 */
export function createPlanner(options: PlannerOptions): Planner {
  const tables = emptyTables();
  const { listeners } = tables;
  const plans = new Map<ServiceKey, ServicePlan>();
  const hosts = createClaims<string>();
  const serverNames = createClaims<string>();
  const ports = createClaims<number>();
  const openPorts = createLowestPorts(options.maxTcpListeners ?? maxTcpListeners);
  const diagnostics = createDiagnosticSet();
  const {
    gatewayDomain,
    edgePorts = usualPorts,
    virtualAddresses = false,
    loadBalancerPool = false,
  } = options;
  const rules = createRulePlan({
    translators,
    settings: {
      gatewayDomain,
      virtualAddresses,
      loadBalancerPool,
      get httpPort() {
        return edgePorts().http;
      },
      get httpsPort() {
        return edgePorts().https;
      },
    },
    tables,
    diagnostics,
    planned(key) {
      const plan = plans.get(key);
      return plan?.hasCluster ? plan.endpoints : undefined;
    },
  });
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
    readonly hosts: Map<string, string | undefined>;
    readonly serverNames: Map<string, string | undefined>;
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

    if ((before?.hasCluster ?? false) !== (after?.hasCluster ?? false)) rules.serviceListed(key);
    rules.clusters.serviceChanged(key);
    moveClaim(hosts, touched.hosts, key, before?.host, after?.host);
    moveClaim(serverNames, touched.serverNames, key, before?.serverName, after?.serverName);
    moveClaim(ports, touched.ports, key, before?.port, after?.port);
    touched.services.add(key);
  }

  function planOf(holder: ServiceKey | undefined): ServicePlan | undefined {
    return holder === undefined ? undefined : plans.get(holder);
  }

  function settleHost(host: string): void {
    const holder = hosts.holder(host);
    const plan = planOf(holder);
    const routes = plan === undefined ? [] : [routeTo(plan.clusterName)];
    rules.hosts.set(
      `\0host ${host}`,
      subjectOf(holder ?? ''),
      routes.map((route) => ({
        type: 'route',
        table: edgeTable,
        host,
        rank: rankOfRegistration,
        route,
        path: '',
      })),
    );
  }

  function settleServerName(serverName: string): void {
    const holder = serverNames.holder(serverName);
    const plan = planOf(holder);
    const actions = plan === undefined ? [] : [passThrough(plan.clusterName)];
    rules.tls.set(
      `\0host ${serverName}`,
      subjectOf(holder ?? ''),
      actions.map((action) => ({
        table: edgeTable,
        serverName,
        rank: rankOfRegistration,
        action,
        path: '',
      })),
    );
  }

  function settlePort(port: number): void {
    const holder = ports.holder(port);
    const plan = openPorts.opens(port) ? planOf(holder) : undefined;
    const opened = plan === undefined ? [] : [tcpListener(port, plan.clusterName)];
    rules.ports.set(
      `\0port ${port}`,
      subjectOf(holder ?? ''),
      opened.map((listener) => ({ listener, rank: rankOfRegistration, path: '' })),
    );
  }

  function settle(touched: Touched): TrafficNames {
    // Everyone who lost against the one before reads another name now.
    const tellLosers = <K>(claims: Claims<K>, of: ReadonlyMap<K, string | undefined>): void => {
      for (const [thing, before] of of) {
        if (claims.holder(thing) === before) continue;
        for (const key of claims.claimants(thing)) touched.services.add(key);
      }
    };
    for (const host of touched.hosts.keys()) settleHost(host);
    for (const serverName of touched.serverNames.keys()) settleServerName(serverName);
    for (const port of touched.ports.keys()) openPorts.ask(port, ports.holder(port) !== undefined);
    for (const port of openPorts.moved()) {
      if (!touched.ports.has(port)) touched.ports.set(port, ports.holder(port));
      for (const key of ports.claimants(port)) touched.services.add(key);
    }
    for (const port of touched.ports.keys()) settlePort(port);
    tellLosers(hosts, touched.hosts);
    tellLosers(serverNames, touched.serverNames);
    tellLosers(ports, touched.ports);
    for (const key of touched.services) diagnostics.replace(key, diagnosticsOf(key));
    const delta = noNames();
    rules.settle(delta);
    return delta;
  }

  function diagnosticsOf(key: ServiceKey): readonly Diagnostic[] {
    const plan = plans.get(key);
    if (plan === undefined) return [];
    const found: Diagnostic[] = [];
    const report = (code: string, message: string): void => {
      found.push({ severity: 'error', code, subject: subjectOf(key), message });
    };
    const collision = (name: string, holder: ServiceKey): string =>
      `its host name ${name} is held by ${subjectOf(holder)}, which comes first by name: rename one of them`;
    const hostHolder = plan.host === undefined ? key : (hosts.holder(plan.host) ?? key);
    if (hostHolder !== key) report('derived-name-collision', collision(plan.host ?? '', hostHolder));
    const tlsHolder = plan.serverName === undefined ? key : (serverNames.holder(plan.serverName) ?? key);
    if (tlsHolder !== key && tlsHolder !== hostHolder)
      report('derived-name-collision', collision(plan.serverName ?? '', tlsHolder));
    const portHolder = plan.port === undefined ? key : (ports.holder(plan.port) ?? key);
    if (portHolder !== key) {
      report(
        'tcp-port-conflict',
        `port ${plan.port} is held by ${subjectOf(portHolder)}, which comes first by name: rename one of them`,
      );
    }
    if (plan.port !== undefined && portHolder === key && !openPorts.opens(plan.port)) {
      report(
        'tcp-listener-limit',
        `port ${plan.port} is not opened: services ask for more TCP listeners than gateway.max-tcp-listeners allows, and the lowest ports come first`,
      );
    }
    return found.length === 0 ? plan.diagnostics : [...plan.diagnostics, ...found];
  }

  function update(catalog: CatalogReader, delta: CatalogDelta): TrafficDelta {
    revision = delta.revision;
    const touched = begin(catalog);
    for (const key of delta.services) planOne(catalog, key, touched);
    for (const key of delta.ruleKeys) rules.ruleChanged(key);
    return settle(touched);
  }

  function rebuild(catalog: CatalogReader): TrafficDelta {
    const before = {
      certificates: new Map(tables.certificates),
      clusters: new Map(tables.clusters),
      tlsHosts: new Map(tables.tlsHosts),
      virtualHosts: new Map(tables.virtualHosts),
      listeners: new Map(tables.listeners),
    };
    for (const table of Object.values(tables)) table.clear();
    for (const part of [plans, hosts, serverNames, ports, openPorts, diagnostics, rules]) part.clear();
    for (const listener of builtInListeners) listeners.set(listener.name, listener);
    revision = catalog.revision;
    const touched = begin(catalog);
    for (const { namespace, name } of catalog.services()) planOne(catalog, `${namespace}/${name}`, touched);
    for (const { record } of catalog.rules()) rules.ruleChanged(recordKey(record));
    settle(touched);
    return {
      certificates: changedNames(before.certificates, tables.certificates),
      clusters: changedNames(before.clusters, tables.clusters),
      tlsHosts: changedNames(before.tlsHosts, tables.tlsHosts),
      virtualHosts: changedNames(before.virtualHosts, tables.virtualHosts),
      listeners: changedNames(before.listeners, tables.listeners),
    };
  }

  function begin(catalog: CatalogReader): Touched {
    const own = options.own?.() ?? nothingOwn;
    rules.begin(catalog, own, options.edgeCertificates?.() ?? noCertificates);
    return {
      options: { gatewayDomain, own, minTcpPort: options.minTcpPort ?? minTcpPort },
      hosts: new Map(),
      serverNames: new Map(),
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
const noCertificates: readonly EdgeCertificate[] = Object.freeze([]);

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
