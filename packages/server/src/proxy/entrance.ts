import type { Random } from '@portolan/core/base/clock.ts';
import type { Listener, TlsHost, TlsListener, WeightedTarget } from '@portolan/core/traffic/model.ts';
import { acceptHttp, acceptPlainHttp } from './accept-http.ts';
import type { Accepted, AcceptedTls } from './accepted.ts';
import type { ClusterState } from './cluster-state.ts';
import { type Entered, Entering } from './entering.ts';
import type { Plane } from './plane.ts';
import type { AddressAndPort, ProxyHeader } from './proxy-protocol/read.ts';
import { WeightedChoice } from './routes/weighted-choice.ts';
import { SourceAffinity } from './source-affinity.ts';
import { acceptTcp, type TcpClient } from './tcp-connection.ts';
import { alertRecord, type ClientHello } from './tls/client-hello.ts';
import { Handshake, type Secured } from './tls/handshake.ts';
import { mayShare, type Terminate, type TlsHosts } from './tls/tls-hosts.ts';
import { noOwner, type TcpHandle, Wire } from './wire.ts';

export interface EntranceOptions {
  readonly plane: Plane;
  readonly random: Random;
  readonly tls: TlsHosts;
  /** The same object for a name always. */
  readonly cluster: (name: string) => ClusterState;
}

/** RFC 8446 §6.2. */
const unrecognizedName = 112;
const internalError = 80;

/** Everybody who comes to a stream door, until it is known who serves him: HTTP, or a cluster by TCP. */
export class Entrance {
  readonly #plane: Plane;
  readonly #random: Random;
  readonly #tls: TlsHosts;
  readonly #cluster: EntranceOptions['cluster'];
  readonly #entering = new Set<Entering>();
  /** Beginning with the oldest. */
  readonly #handshakes = new Set<Handshake>();
  readonly #choices = new WeakMap<readonly WeightedTarget[], WeightedChoice<string | undefined>>();
  /** By the listener's name. */
  readonly #affinities = new Map<string, SourceAffinity>();

  constructor({ plane, random, tls, cluster }: EntranceOptions) {
    this.#plane = plane;
    this.#random = random;
    this.#tls = tls;
    this.#cluster = cluster;
  }

  /** Connections that are served by nobody yet. */
  get size(): number {
    return this.#entering.size + this.#handshakes.size;
  }

  /** Takes a connection. `listener` undefined: nobody asks for it any more. */
  accept(listener: Listener | undefined, client: TcpHandle & { close?: () => void }): void {
    if (listener === undefined || listener.protocol === 'udp') client.close?.();
    else if (listener.protocol === 'tls' || listener.proxyProtocol === true) this.#enter(listener, client);
    else if (listener.protocol === 'http') acceptPlainHttp(this.#plane, client, listener.table);
    else {
      const wire = Wire.accept(client, noOwner);
      this.#tcp(listener.targets, { wire, ahead: undefined, proxy: undefined }, listener);
    }
  }

  /** That listener is gone, and with it whom its clients had. */
  forget(listener: string): void {
    this.#affinities.delete(listener);
  }

  /** One of the clusters, by weight; undefined: this share has none. */
  draw(targets: readonly WeightedTarget[]): ClusterState | undefined {
    let choice = this.#choices.get(targets);
    if (choice === undefined) {
      const weighted = targets.map(({ weight, cluster }) => [weight, cluster] as const);
      choice = new WeightedChoice<string | undefined>(weighted, undefined, this.#random);
      this.#choices.set(targets, choice);
    }
    const name = choice.draw();
    return name === undefined ? undefined : this.#cluster(name);
  }

  /** Drops those that are served by nobody yet. */
  close(): void {
    for (const entering of this.#entering) entering.destroy();
    for (const handshake of this.#handshakes) handshake.destroy();
  }

  #enter(listener: Exclude<Listener, { protocol: 'udp' }>, client: TcpHandle): void {
    const entering: Entering = new Entering(this.#plane, client, {
      proxyProtocol: listener.proxyProtocol === true,
      tls: listener.protocol === 'tls',
      onEntered: (entered) => {
        this.#entering.delete(entering);
        if (listener.protocol === 'http') this.#http(listener.table, entered);
        else if (listener.protocol === 'tcp') this.#tcp(listener.targets, entered, listener);
        else if (entered.hello !== undefined) this.#route(listener, entered, entered.hello);
      },
      onRefused: (reason) => {
        this.#entering.delete(entering);
        if (reason !== undefined) this.#count(reason);
      },
    });
    this.#entering.add(entering);
  }

  #http(table: string, from: From): void {
    const { wire, ahead, proxy } = from;
    const peerAddress = proxy?.source?.address ?? wire.remoteAddress;
    acceptHttp(this.#plane, { wire, ahead, scheme: 'http', table, peerAddress });
  }

  #tcp(targets: readonly WeightedTarget[], from: From, listener?: Listener): void {
    const cluster = this.draw(targets);
    if (cluster === undefined) {
      from.wire.abort();
      return;
    }
    const client: TcpClient = { wire: from.wire, ahead: from.ahead, ...endsOf(from) };
    const affinityMs = listener?.protocol === 'tcp' ? listener.affinityMs : undefined;
    const bond =
      listener === undefined || affinityMs === undefined
        ? undefined
        : { affinity: this.#affinityOf(listener.name), forMs: affinityMs };
    acceptTcp(this.#plane, cluster, client, bond);
  }

  /** A TLS connection goes where its server name says. */
  #route(listener: TlsListener, entered: Entered, { serverName }: ClientHello): void {
    const host = this.#tls.find(listener.table, serverName);
    if (host === undefined) this.#refuse(entered.wire, unrecognizedName, 'tls-unknown-server-name');
    else if (host.action.type === 'passthrough') this.#tcp(host.action.targets, entered);
    else this.#shakeHands({ host, action: host.action, serverName, listener }, entered);
  }

  #shakeHands(wanted: Wanted, entered: Entered): void {
    const { host, action, serverName } = wanted;
    const ends = endsOf(entered);
    const context = this.#tls.contextOf(host, action, serverName);
    if (context === undefined) {
      this.#refuse(entered.wire, internalError, 'tls-no-certificate');
      return;
    }
    const socket = entered.wire.release(entered.ahead);
    const handshake: Handshake = new Handshake(this.#plane, socket, {
      ...{ host, action, context, serverName, deadlineMs: entered.deadlineMs },
      onSecured: (secured) => this.#secured(wanted, secured, ends),
      onOver: (outcome) => {
        this.#handshakes.delete(handshake);
        if (outcome !== 'secured') this.#count(`tls-handshake-${outcome}`);
      },
    });
    this.#handshakes.add(handshake);
    if (this.#handshakes.size > this.#plane.limits.maxHandshakes) this.#dropOldest();
  }

  /** Whoever takes longest is least likely to come to an end: newcomers are not turned away for him. */
  #dropOldest(): void {
    const [oldest] = this.#handshakes;
    oldest?.destroy();
  }

  #secured({ listener }: Wanted, secured: Secured, ends: Ends): void {
    const { host, action, socket } = secured;
    const wire = Wire.over(socket, noOwner);
    if (action.then.type === 'tcp') {
      const proxy = { source: ends.source, destination: ends.destination };
      this.#tcp(action.then.targets, { wire, ahead: undefined, proxy });
      return;
    }
    const accepted: Accepted = {
      ...{ wire, ahead: undefined, scheme: 'https', table: action.then.table },
      peerAddress: ends.source.address,
      tls: this.#acceptedTls(host, listener, secured),
    };
    acceptHttp(this.#plane, accepted);
  }

  #acceptedTls(host: TlsHost, listener: TlsListener, secured: Secured): AcceptedTls {
    const { serverName, alpn, clientLines, refused } = secured;
    const tls = this.#tls;
    return {
      ...{ serverName, alpn, clientLines, refused },
      serves(asked) {
        if (asked === serverName) return true;
        const other = tls.find(listener.table, asked);
        return other === undefined || mayShare(host, other);
      },
    };
  }

  #refuse(wire: Wire, alert: number, reason: string): void {
    this.#count(reason);
    wire.writeText(alertRecord(alert).toString('latin1'));
    wire.end();
    wire.destroy();
  }

  #affinityOf(listener: string): SourceAffinity {
    let affinity = this.#affinities.get(listener);
    if (affinity === undefined) {
      affinity = new SourceAffinity();
      this.#affinities.set(listener, affinity);
    }
    return affinity;
  }

  #count(reason: string): void {
    const { refusals } = this.#plane.counters;
    refusals.set(reason, (refusals.get(reason) ?? 0) + 1);
  }
}

interface From extends Pick<Entered, 'wire' | 'ahead'> {
  readonly proxy: Pick<ProxyHeader, 'source' | 'destination'> | undefined;
}

interface Wanted {
  readonly host: TlsHost;
  readonly action: Terminate;
  readonly serverName: string;
  readonly listener: TlsListener;
}

/** Whose connection it is and where it was received. */
interface Ends {
  readonly source: AddressAndPort;
  readonly destination: AddressAndPort;
}

function endsOf({ wire, proxy }: From): Ends {
  return {
    source: proxy?.source ?? { address: wire.remoteAddress, port: wire.remotePort },
    destination: proxy?.destination ?? { address: wire.localAddress, port: wire.localPort },
  };
}
