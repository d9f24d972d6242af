import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { UdpListener } from '@portolan/core/traffic/model.ts';
import type { Bind } from '../../contract.ts';
import type { ClusterState } from '../cluster-state.ts';
import { sourceHash } from '../source-affinity.ts';
import type { Swept } from '../sweeper.ts';
import type { UdpContext } from './udp-context.ts';
import { UdpSession } from './udp-session.ts';

export interface UdpDoorOptions {
  readonly context: UdpContext;
  readonly bind: Bind;
  /** Asked for each new session; undefined: nobody asks for this door any more. */
  readonly listener: () => UdpListener | undefined;
  /** Draws the cluster of a session; undefined: its datagrams are dropped. */
  readonly cluster: (listener: UdpListener) => ClusterState | undefined;
}

const defaultIdleMs = 60_000;
/** A full door makes room by its most silent sessions, but none that were silent for less than this. */
const minSilenceMs = 1_000;
const sweepMs = 1_000;

/** One datagram socket of one worker, and the sessions of the sources that send to it. */
export class UdpDoor implements Swept {
  sweepIndex = -1;
  readonly #options: UdpDoorOptions;
  readonly #socket: Socket;
  readonly #sessions = new Map<string, UdpSession>();
  /** Tokens of new sessions. */
  #allowed: number;
  #allowedAtMs: number;
  #sweptMs = 0;

  private constructor(options: UdpDoorOptions, socket: Socket) {
    this.#options = options;
    this.#socket = socket;
    const { clock, limits, sweeper } = options.context.plane;
    this.#allowed = limits.maxNewUdpSessionsPerSecond;
    this.#allowedAtMs = clock.monotonicMs();
    socket.on('message', (datagram, source) => this.#take(datagram, source));
    // A datagram that could not be sent: its source has gone. The next one is another matter.
    socket.on('error', () => undefined);
    sweeper.add(this);
  }

  /** Shares the port with the other workers. Rejects when it cannot be bound. */
  static open(options: UdpDoorOptions): Promise<UdpDoor> {
    const { address, port } = options.bind;
    const ipv6 = isIPv6(address);
    const socket = createSocket({ type: ipv6 ? 'udp6' : 'udp4', reusePort: true });
    return new Promise((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close();
        reject(error);
      });
      socket.bind({ address, port }, () => {
        socket.removeAllListeners('error');
        resolve(new UdpDoor(options, socket));
      });
    });
  }

  get port(): number {
    return this.#socket.address().port;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  sweep(nowMs: number): void {
    if (nowMs - this.#sweptMs < sweepMs) return;
    this.#sweptMs = nowMs;
    const idleMs = this.#options.listener()?.idleMs ?? defaultIdleMs;
    for (const [key, session] of this.#sessions) {
      if (nowMs - session.lastMs >= idleMs) this.#drop(key, session);
    }
  }

  close(): void {
    this.#options.context.plane.sweeper.remove(this);
    for (const [key, session] of this.#sessions) this.#drop(key, session);
    this.#socket.close();
  }

  #take(datagram: Buffer, source: RemoteInfo): void {
    // Nobody sends from port 0, and nothing can be answered there.
    if (source.port === 0) return;
    const key = `${source.address} ${source.port}`;
    const session = this.#sessions.get(key) ?? this.#begin(key, source);
    session?.send(datagram);
  }

  #begin(key: string, source: RemoteInfo): UdpSession | undefined {
    const { context, cluster: draw, listener: current } = this.#options;
    const listener = current();
    const cluster = listener === undefined ? undefined : draw(listener);
    if (cluster === undefined || !this.#mayBegin()) return undefined;
    const session: UdpSession = new UdpSession(context, cluster, {
      keyHash: sourceHash(cluster.config, source.address),
      answer: (answer) => this.#socket.send(answer, source.port, source.address),
      onOver: () => {
        if (this.#sessions.get(key) === session) this.#sessions.delete(key);
      },
    });
    this.#sessions.set(key, session);
    session.start();
    return session;
  }

  /** Sources are easily invented: how many there may be, and how fast they may become more, is bounded. */
  #mayBegin(): boolean {
    const { clock, limits, counters } = this.#options.context.plane;
    const nowMs = clock.monotonicMs();
    const most = limits.maxNewUdpSessionsPerSecond;
    this.#allowed = Math.min(most, this.#allowed + ((nowMs - this.#allowedAtMs) * most) / 1_000);
    this.#allowedAtMs = nowMs;
    const full = this.#sessions.size >= limits.maxUdpSessions;
    if (this.#allowed < 1 || (full && !this.#makeRoom(nowMs))) {
      counters.turnedAway++;
      return false;
    }
    this.#allowed--;
    counters.accepted++;
    return true;
  }

  /** Ends the most silent sessions, a sixteenth of all at once, so that this is not done for each newcomer. */
  #makeRoom(nowMs: number): boolean {
    const silent = [...this.#sessions].filter(([, { lastMs }]) => nowMs - lastMs >= minSilenceMs);
    silent.sort(([, left], [, right]) => left.lastMs - right.lastMs);
    const count = Math.ceil(this.#sessions.size / 16);
    for (const [key, session] of silent.slice(0, count)) this.#drop(key, session);
    return silent.length > 0;
  }

  #drop(key: string, session: UdpSession): void {
    this.#sessions.delete(key);
    session.close();
  }
}
