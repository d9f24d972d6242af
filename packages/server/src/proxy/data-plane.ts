import { randomBytes } from 'node:crypto';
import type { Clock, Random } from '@portolan/core/base/clock.ts';
import type { Listener, TrafficMessage, UdpListener, WeightedTarget } from '@portolan/core/traffic/model.ts';
import { edgeTable } from '@portolan/core/traffic/route.ts';
import type { Bind } from '../contract.ts';
import type { AccessEntry } from './access-format.ts';
import { type AccessLog, noAccessLog, WatchedAccessLog } from './access-log.ts';
import { ClusterState } from './cluster-state.ts';
import { CheckGate } from './clusters/check-gate.ts';
import { ConnectGuard, type LookupAll } from './connect-guard.ts';
import { byDoor, type Door } from './door-key.ts';
import { Downstream } from './downstream.ts';
import { Entrance } from './entrance.ts';
import { TrustedPeers } from './forwarding.ts';
import { HeldMemory } from './held-memory.ts';
import { RequestReader } from './http1/request-reader.ts';
import { ResponseReader } from './http1/response-reader.ts';
import { Http2ClientSession } from './http2/client-session.ts';
import type { GatewayLimits } from './limits.ts';
import { backlog, type ListeningHandle } from './listening-handle.ts';
import { LocalReplies } from './local-reply.ts';
import type { Plane } from './plane.ts';
import { PolicyCompiler } from './policies/policy-compiler.ts';
import { Router } from './router.ts';
import { clustersOf } from './routes/compiled-route.ts';
import type { RouteReport, WorkerReport } from './stats.ts';
import { Sweeper, type Swept } from './sweeper.ts';
import { TlsHosts } from './tls/tls-hosts.ts';
import type { Tracer } from './tracing/tracer.ts';
import { TrafficTable } from './traffic-table.ts';
import { OwnUdpDoors } from './udp/own-udp-doors.ts';
import { UdpDoor } from './udp/udp-door.ts';
import type { TcpHandle } from './wire.ts';

export interface DataPlaneOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: GatewayLimits;
  readonly trustedPeers: readonly string[];
  readonly accessLog: AccessLog | undefined;
  /** Default: nothing is traced. */
  readonly tracer?: Tracer;
  /** How names of endpoints are resolved; default: by the system. */
  readonly lookup?: LookupAll;
  /** What TLS session tickets are sealed with; default: this worker's own, so that no other resumes its sessions. */
  readonly ticketSecret?: Uint8Array;
  /** Where this gateway is, for clusters that prefer endpoints of its zone; default: unknown. */
  readonly zone?: string;
  /** Workers that share the gateway's connections, this one among them: limits of a whole route are divided. Default 1. */
  readonly workers?: number;
}

/** What the built-in door serves before a model says so. */
const plainEdge: Listener = { name: 'gateway', protocol: 'http', bind: 'gateway', table: edgeTable };

/** Clusters that are gone are kept, for their figures, until there are this many more than half. */
const maxForgotten = 1_000;

/** Everything that one worker forwards with: tables, clusters, connections. Knows nothing of processes. */
export class DataPlane {
  readonly #plane: Plane;
  readonly #options: DataPlaneOptions;
  readonly #accessLog: WatchedAccessLog;
  readonly #table = new TrafficTable();
  readonly #clusters = new Map<string, ClusterState>();
  readonly #doors = new Set<ListeningHandle>();
  readonly #tls: TlsHosts;
  readonly #entrance: Entrance;
  #served: ReadonlyMap<string, Listener> = new Map();
  readonly #guard: ConnectGuard;
  readonly #policies: PolicyCompiler;
  readonly #checkGate = new CheckGate();
  readonly #held: HeldMemory;
  readonly #ownUdpDoors = new OwnUdpDoors();
  readonly #udpDoors = new Map<UdpDoor, Bind>();

  constructor(options: DataPlaneOptions) {
    const { clock, limits, accessLog } = options;
    this.#accessLog = new WatchedAccessLog(accessLog ?? noAccessLog);
    this.#options = options;
    this.#held = new HeldMemory(limits.maxHeldBytes, () => this.#countRefusal('memory'));
    this.#guard = new ConnectGuard(options.lookup);
    const { random, workers = 1 } = options;
    const clusterOf = (name: string): ClusterState => this.#cluster(name);
    this.#policies = new PolicyCompiler({ clock, random, guard: this.#guard, workers, clusterOf });
    const trusted = new TrustedPeers(options.trustedPeers);
    this.#plane = {
      ...{ clock, limits, trusted },
      router: new Router({ clusterOf, random, policyOf: (route) => this.#policies.policyOf(route) }, trusted),
      sweeper: new Sweeper(clock, (items) => this.#held.check(items)),
      replies: new LocalReplies(clock),
      requests: new RequestReader(),
      responses: new ResponseReader(),
      accessLog: this.#accessLog,
      tracer: options.tracer,
      logsAccess: accessLog !== undefined,
      counters: { open: 0, accepted: 0, aheadBytes: 0, turnedAway: 0, refusals: new Map() },
      tunnels: new Set(),
      draining: false,
    };
    this.#tls = new TlsHosts(this.#table, options.ticketSecret ?? randomBytes(32));
    this.#entrance = new Entrance({
      ...{ plane: this.#plane, random: options.random, tls: this.#tls },
      cluster: (name) => this.#cluster(name),
    });
  }

  get revision(): number {
    return this.#table.revision;
  }

  /** Connections of clients, tunnels included. */
  get openConnections(): number {
    return this.#plane.counters.open + this.#plane.tunnels.size + this.#entrance.size;
  }

  /** Takes new configuration. What is under way goes on with what it began with. */
  apply(message: TrafficMessage): void {
    const change = this.#table.apply(message);
    for (const cluster of change.clusters.put) this.#cluster(cluster.name).update(cluster);
    this.#plane.router.apply(change.virtualHosts);
    for (const name of change.clusters.remove) this.#clusters.get(name)?.update(undefined);
    this.#applyListeners(change);
    if (this.#clusters.size > 2 * this.#table.clusters.size + maxForgotten) this.#forgetClusters();
  }

  /** From now on session tickets are sealed with it. */
  useTicketSecret(secret: Uint8Array): void {
    this.#tls.useTicketSecret(secret);
  }

  /** Accepts from a socket. Returns libuv's error number, negative, or 0. */
  listen(handle: ListeningHandle, door: Door): number {
    handle.onconnection = (status, client) => {
      if (status === 0 && client !== undefined) this.#accept(door, client);
    };
    const error = handle.listen(backlog);
    if (error === 0) {
      this.#doors.add(handle);
      this.#guard.addDoor(handle);
    }
    return error;
  }

  /** Takes datagrams on a socket of its own. Rejects when it cannot be bound. */
  async listenUdp(door: Extract<Door, { kind: 'udp' }>): Promise<UdpDoor> {
    const listener = (): UdpListener | undefined => {
      const served = this.#served.get(door.key);
      return served?.protocol === 'udp' ? served : undefined;
    };
    const opened = await UdpDoor.open({
      ...{ bind: door, listener },
      context: { plane: this.#plane, guard: this.#guard, ownDoors: this.#ownUdpDoors },
      cluster: ({ targets }) => this.#entrance.draw(targets),
    });
    const bind = { address: door.address, port: opened.port };
    this.#ownUdpDoors.add(bind);
    this.#udpDoors.set(opened, bind);
    return opened;
  }

  unlistenUdp(door: UdpDoor): void {
    const bind = this.#udpDoors.get(door);
    if (bind === undefined) return;
    this.#udpDoors.delete(door);
    this.#ownUdpDoors.remove(bind);
    door.close();
  }

  unlisten(handle: ListeningHandle): void {
    this.#doors.delete(handle);
    this.#guard.removeDoor(handle);
    handle.close();
  }

  /** Accepts no more; connections end with the response that is under way. */
  beginDrain(): void {
    this.#plane.draining = true;
    for (const handle of this.#doors) this.unlisten(handle);
    for (const door of this.#udpDoors.keys()) this.unlistenUdp(door);
  }

  /** Ends the connections that have nothing under way. */
  endIdle(): void {
    for (const item of this.#plane.sweeper.list()) if (isClient(item)) item.drain(true);
  }

  /** Drops what is left. */
  close(): void {
    for (const item of this.#plane.sweeper.list()) if (isClient(item)) item.destroy();
    this.#entrance.close();
    this.#policies.close();
    for (const tunnel of this.#plane.tunnels) tunnel.close();
    for (const cluster of this.#clusters.values()) cluster.update(undefined);
    this.#plane.sweeper.stop();
    this.#plane.accessLog.close();
  }

  /** Shows each request to `watcher` as it ends; undefined: no more. */
  watchRequests(watcher: ((entry: AccessEntry) => void) | undefined): void {
    this.#accessLog.watcher = watcher;
    this.#plane.logsAccess = watcher !== undefined || this.#options.accessLog !== undefined;
  }

  report(): Omit<WorkerReport, 'spans'> {
    const { counters, draining } = this.#plane;
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
    return {
      pid: process.pid,
      revision: this.revision,
      draining,
      downstreamConnections: this.openConnections,
      acceptedConnections: counters.accepted,
      refusedConnections: counters.turnedAway,
      refusals: Object.fromEntries(counters.refusals),
      rssBytes: rss,
      memory: { heapUsed, heapTotal, external },
      aheadBytes: counters.aheadBytes,
      uptimeS: Math.round(process.uptime()),
      clusters: [...this.#clusters.values()].map((cluster) => cluster.report()),
      routes: this.#routeReports(),
    };
  }

  /** Routes of one name, on several hosts, add up. */
  #routeReports(): RouteReport[] {
    const byName = new Map<string, number[]>();
    for (const { config, stats } of this.#plane.router.routes()) {
      if (stats.counts === undefined) continue;
      const known = byName.get(config.name);
      byName.set(
        config.name,
        Array.from(stats.counts, (count, at) => count + (known?.[at] ?? 0)),
      );
    }
    return Array.from(byName, ([name, counts]) => ({ name, counts }));
  }

  #accept(door: Door, client: TcpHandle & { close?: () => void }): void {
    const { counters, limits } = this.#plane;
    if (this.openConnections >= limits.maxConnections) {
      counters.turnedAway++;
      client.close?.();
      return;
    }
    counters.accepted++;
    this.#entrance.accept(
      this.#served.get(door.key) ?? (door.key === 'gateway' ? plainEdge : undefined),
      client,
    );
  }

  #applyListeners({ listeners, tlsHosts, certificates }: TrafficMessage): void {
    if (changes(listeners)) this.#served = byDoor(this.#table.listeners.values()).served;
    for (const name of listeners.remove) this.#entrance.forget(name);
    if (changes(tlsHosts) || changes(certificates)) this.#tls.changed();
  }

  #countRefusal(code: string): void {
    const { refusals } = this.#plane.counters;
    refusals.set(code, (refusals.get(code) ?? 0) + 1);
  }

  /** Drops the clusters that neither the model nor a route names, and nothing runs through. */
  #forgetClusters(): void {
    const named = new Set(this.#table.clusters.keys());
    for (const host of this.#table.virtualHosts.values()) {
      for (const route of host.routes) for (const name of clustersOf(route)) named.add(name);
    }
    for (const { cluster } of this.#streamTargets()) if (cluster !== undefined) named.add(cluster);
    for (const [name, cluster] of this.#clusters) {
      if (named.has(name) || cluster.busy > 0) continue;
      this.#clusters.delete(name);
      this.#plane.sweeper.remove(cluster);
    }
  }

  /** What is passed through without HTTP. */
  *#streamTargets(): Iterable<WeightedTarget> {
    for (const listener of this.#table.listeners.values()) if ('targets' in listener) yield* listener.targets;
    for (const { action } of this.#table.tlsHosts.values()) {
      if (action.type === 'passthrough') yield* action.targets;
      else if (action.then.type === 'tcp') yield* action.then.targets;
    }
  }

  /** The same object for a name always: routes keep it. */
  #cluster(name: string): ClusterState {
    let cluster = this.#clusters.get(name);
    if (cluster === undefined) {
      const { clock, random, limits, zone = '' } = this.#options;
      const certificate = (name: string) => this.#table.certificates.get(name);
      const shared = {
        certificate,
        guard: this.#guard,
        sweeper: this.#plane.sweeper,
        checkGate: this.#checkGate,
      };
      const context = { clock, random, limits, zone, ...shared };
      cluster = new ClusterState(name, context);
      this.#clusters.set(name, cluster);
    }
    return cluster;
  }
}

function changes(change: { readonly put: readonly unknown[]; readonly remove: readonly unknown[] }): boolean {
  return change.put.length + change.remove.length > 0;
}

function isClient(item: Swept): item is Downstream | Http2ClientSession {
  return item instanceof Downstream || item instanceof Http2ClientSession;
}
