import { join } from 'node:path';
import type { Random } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import { createCatalog } from '@portolan/core/catalog/catalog.ts';
import type { Store } from '@portolan/core/catalog/store.ts';
import { createPlanner } from '@portolan/core/traffic/plan.ts';
import type { Planner } from '@portolan/core/traffic/planner.ts';
import type { Logger } from 'pino';
import { type EdgeCertificates, edgeCertificates } from './certificates/edge-certificates.ts';
import { compactHeap } from './compact-heap.ts';
import type { Settings } from './config/settings.ts';
import { bracketed } from './config/values.ts';
import type { Context, Identity, ListenerAddress, ListenerRegistry, Part } from './contract.ts';
import { systemClock } from './engine/system-clock.ts';
import { createEngine, type EngineService } from './engine.ts';
import { consulFrontend } from './frontends/consul/frontend.ts';
import { portolanFrontend } from './frontends/portolan/frontend.ts';
import { ownGateway } from './gateway/own-gateway.ts';
import { gatewaySettings } from './gateway-settings.ts';
import { defaultHealthConfig } from './health/config.ts';
import { createHealth } from './health/health.ts';
import { createHttpListener } from './http/listener.ts';
import { createLife, type Life } from './life.ts';
import { createListenerRegistry } from './listeners.ts';
import { dnsConfig } from './outlets/dns/config.ts';
import { dnsOutlet } from './outlets/dns/outlet.ts';
import { nftConfig } from './outlets/nft/config.ts';
import { nftOutlet } from './outlets/nft/outlet.ts';
import { nginxConfig } from './outlets/nginx/config.ts';
import { nginxOutlet } from './outlets/nginx/outlet.ts';
import { templatesOutlet } from './outlets/templates/outlet.ts';
import { trafficOutlet } from './outlets/traffic/outlet.ts';
import { gatewayToken } from './outlets/traffic/token.ts';
import { ownDoors } from './own-doors.ts';
import { historyKeeper } from './rules/history-keeper.ts';
import { identityOf, prepareDataDir } from './self.ts';
import { dockerSource } from './sources/docker/source.ts';
import { filesSource } from './sources/files/source.ts';
import { lmdbStore } from './store/store-lmdb.ts';
import { memoryStore } from './store/store-memory.ts';

/** A server that answers on all its listeners. */
export interface RunningServer {
  readonly identity: Identity;
  /** Where they really are: port 0 has become a port. */
  readonly listeners: readonly ListenerAddress[];
  /**
   * Stops everything, the last started first. Work under way may take up to `deadlineMs` in all (default: the setting
   * `drain-timeout`), then it is cut. Any number of calls; all resolve when nothing is left.
   */
  stop(deadlineMs?: number): Promise<void>;
  /** Ends what runs outside of this process, which is to end at once. Also while `stop` is under way; never rejects. */
  kill(): Promise<void>;
}

/**
 * The composition root: makes every part, hands each what it needs, starts them in order. If one cannot start, those that did
 * are stopped again, and its `Fault` is thrown.
 */
export async function startServer(settings: Settings, options: { log: Logger }): Promise<RunningServer> {
  prepareDataDir(settings.dataDir);
  const context = createContext(settings, options.log);
  const life = createLife(context);
  await life.start(partsOf(settings, context, life));
  // What was planned from the store did not know the ports that only binding has found.
  if (Object.values(settings.listeners).some((bind) => bind?.port === 0)) context.engine.replan();
  return {
    identity: context.identity,
    get listeners() {
      return context.listeners.list();
    },
    stop: (deadlineMs = settings.drainTimeoutMs) => life.stop(deadlineMs),
    kill: () => life.kill(),
  };
}

/** What `Context` promises to the dialects, with the parts behind it. */
interface ServerContext extends Context {
  readonly engine: EngineService;
  readonly http: ReturnType<typeof createHttpListener>;
  readonly health: ReturnType<typeof createHealth>;
  readonly certificates: EdgeCertificates | undefined;
  /** Another one with the same settings: for what is only tried. */
  readonly newPlanner: () => Planner;
}

/**
 * Everything that runs, in the order in which it starts: each may use what is above it. A dialect is a line here and its
 * folder. All mount their paths as they are made, before the http listener opens.
 */
function partsOf(settings: Settings, context: ServerContext, life: Life): readonly Part[] {
  const { dns, gateway, 'gateway-tls': tlsDoor } = settings.listeners;
  const nginx = nginxConfig(settings.nginx, settings.dataDir);
  const nft = nftConfig(settings.clusterIp, { platform: process.platform, userId: process.getuid?.() });
  const parts: readonly (Part | undefined)[] = [
    // Before the engine, which plans with them as it starts.
    context.certificates,
    enginePart(context.engine),
    context.health,
    context.http,
    consulFrontend(named(context, 'consul')),
    portolanFrontend(named(context, 'portolan'), {
      readiness: life.readiness,
      diagnostics: life.diagnostics,
      createPlanner: context.newPlanner,
    }),
    historyKeeper(named(context, 'rules')),
    filesSource(named(context, 'manifests'), settings.manifests),
    trafficOutlet(named(context, 'traffic'), gatewayToken(settings.dataDir)),
    dockerSource(named(context, 'docker'), settings.docker),
    settings.templates && templatesOutlet(named(context, 'templates'), settings.templates),
    dns && dnsOutlet(named(context, 'dns'), dnsConfig({ ...settings.dns, listen: dns })),
    (gateway ?? tlsDoor) &&
      ownGateway(named(context, 'gateway'), {
        settings: gatewaySettings(settings, { outliveMs: settings.gateway.outliveMs }),
        server: () => controlPlaneUrl(context),
      }),
    nft && nftOutlet(named(context, 'nft'), nft),
    nginx && nginxOutlet(named(context, 'nginx'), nginx),
  ];
  return parts.filter((part) => part !== undefined).map(withCompaction);
}

/** The last part waits for its own processes to come up: a good moment to put the heap in order. */
function withCompaction(part: Part, index: number, all: readonly Part[]): Part {
  if (index !== all.length - 1) return part;
  return {
    name: part.name,
    start() {
      setImmediate(compactHeap);
      return part.start();
    },
    stop: (deadlineMs) => part.stop(deadlineMs),
    kill: async () => part.kill?.(),
    readiness: () => part.readiness?.() ?? [],
    diagnostics: () => part.diagnostics?.() ?? [],
  };
}

function createContext(settings: Settings, log: Logger): ServerContext {
  const identity = identityOf(settings);
  const clock = systemClock;
  const random: Random = Math.random;
  const listeners = createListenerRegistry();
  const certificates = certificatesOf(settings, log, () => engine.replan());
  const newPlanner = (): Planner =>
    createPlanner({
      gatewayDomain: settings.gateway.domain,
      own: ownDoors(
        Object.values(settings.listeners),
        listeners,
        identity.address,
        settings.listeners.gateway?.address,
      ),
      maxTcpListeners: settings.gateway.maxTcpListeners,
      minTcpPort: settings.gateway.minTcpPort,
      edgeCertificates: () => certificates?.list() ?? none,
      edgePorts: () => edgePortsOf(settings, listeners),
      virtualAddresses: settings.clusterIp.mode === 'listen',
      loadBalancerPool: settings.loadBalancer.pool !== undefined,
    });
  const engine = createEngine({
    store: storeOf(settings, log.child({ part: 'store' })),
    catalog: createCatalog(),
    planner: newPlanner(),
    clock,
    log: log.child({ part: 'engine' }),
  });
  const http = createHttpListener({
    bind: settings.listeners.http,
    nodeName: settings.node,
    allowedHosts: settings.http.allowedHosts,
    limits: { maxConnections: settings.http.maxConnections },
    log: log.child({ part: 'http' }),
    clock,
    listeners,
  });
  const health = createHealth(
    { engine, identity, clock, random, log: log.child({ part: 'health' }) },
    { ...defaultHealthConfig, maxRunning: settings.health.maxRunning },
  );
  const { pool } = settings.loadBalancer;
  const serviceAddresses = {
    clusterIps: settings.clusterIp.range,
    ...(pool === undefined ? {} : { loadBalancers: pool }),
  };
  return {
    ...{ engine, identity, clock, random, log, http, health, listeners, serviceAddresses },
    ...{ certificates, newPlanner },
  };
}

const none: ReturnType<EdgeCertificates['list']> = [];

/** Undefined: there is no door to show one at. */
function certificatesOf(settings: Settings, log: Logger, onChange: () => void): EdgeCertificates | undefined {
  if (settings.listeners['gateway-tls'] === undefined) return undefined;
  const { domain } = settings.gateway;
  return edgeCertificates({
    files: settings.gateway.certificates,
    directory: settings.dataDir,
    names: [...new Set(['localhost', domain, `*.${domain}`, '127.0.0.1', '::1', settings.address])],
    clock: systemClock,
    log: log.child({ part: 'certificates' }),
    onChange,
  });
}

/** Where clients reach the built-in doors: where they are bound, as soon as that is known. */
function edgePortsOf({ listeners }: Settings, bound: ListenerRegistry): { http: number; https: number } {
  const portOf = (name: 'gateway' | 'gateway-tls', usual: number): number =>
    bound.list().find((listener) => listener.name === name)?.port || listeners[name]?.port || usual;
  return { http: portOf('gateway', 80), https: portOf('gateway-tls', 443) };
}

function storeOf(settings: Settings, log: Logger): Store {
  switch (settings.store) {
    case 'memory':
      return memoryStore();
    case 'lmdb':
      return lmdbStore({
        path: join(settings.dataDir, 'store'),
        clock: systemClock,
        log,
        reserveBytes: settings.storeReserveBytes,
      });
  }
}

function enginePart(engine: EngineService): Part {
  return {
    name: 'engine',
    start: () => engine.start(),
    stop: () => engine.stop(),
    readiness: () => (engine.view.stale === undefined ? [] : [`the store: ${engine.view.stale.reason}`]),
  };
}

/** Where the data plane of this machine reaches us. An address that means all of them is reached by loopback. */
function controlPlaneUrl({ listeners }: Context): string {
  const http = listeners.list().find(({ name }) => name === 'http');
  if (http === undefined)
    throw new Fault('invalid', 'listen.gateway needs listen.http: the traffic model comes from there');
  const { address, port } = http;
  const reachable = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
  return `http://${bracketed(reachable)}:${port}`;
}

function named(context: ServerContext, part: string): Context {
  return { ...context, log: context.log.child({ part }) };
}
