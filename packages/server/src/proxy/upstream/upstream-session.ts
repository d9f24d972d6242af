import {
  type ClientHttp2Session,
  connect as connectHttp2,
  type SecureClientSessionOptions,
} from 'node:http2';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { ClusterState } from '../cluster-state.ts';
import type { EndpointState } from '../endpoint-state.ts';
import type { Plane } from '../plane.ts';
import type { Swept } from '../sweeper.ts';
import type { Channel } from './cluster-tls.ts';
import { upstreamHttp2 } from './http2-limits.ts';
import { openSocket } from './open-socket.ts';

/** Who wants a stream of a session that is not open yet. Exactly one of the three is called, unless it leaves before. */
export interface SessionUser {
  onSessionOpen(session: UpstreamSession, nowMs: number): void;
  /** The endpoint chose HTTP/1.1. */
  onSessionRefused(): void;
  onSessionFailed(error: Error | undefined): void;
}

type SessionState = 'connecting' | 'open' | 'leaving' | 'closed';

const sessionOptions: SecureClientSessionOptions & { strictSingleValueFields: boolean } = {
  maxSessionMemory: upstreamHttp2.maxSessionMegabytes,
  maxHeaderListPairs: upstreamHttp2.maxFields,
  peerMaxConcurrentStreams: upstreamHttp2.maxStreams,
  settings: {
    enablePush: false,
    initialWindowSize: upstreamHttp2.streamWindowBytes,
    maxHeaderListSize: upstreamHttp2.maxHeaderBytes,
  },
  strictSingleValueFields: false,
};

/** One HTTP/2 connection to one endpoint, for many requests at once. */
export class UpstreamSession implements Swept {
  sweepIndex = -1;
  readonly endpoint: EndpointState;
  readonly channel: Channel;
  readonly #plane: Plane;
  readonly #cluster: ClusterState;
  readonly #socket: Socket;
  readonly #waiting = new Set<SessionUser>();
  readonly #onChange: (session: UpstreamSession) => void;
  #session: ClientHttp2Session | undefined;
  #state: SessionState = 'connecting';
  #streams = 0;
  #uses = 0;
  /** Of connecting, then of being without streams. */
  #deadlineMs: number;
  #activeMs: number;
  #pingedMs = -1;
  #error: Error | undefined;

  /**
   * @param alpn what is offered over TLS
   * @param onChange there is room, or the session is over (`usable`)
   */
  constructor(
    plane: Plane,
    cluster: ClusterState,
    endpoint: EndpointState,
    channel: Channel,
    alpn: readonly string[],
    onChange: (session: UpstreamSession) => void,
  ) {
    const nowMs = plane.clock.monotonicMs();
    this.#plane = plane;
    this.#cluster = cluster;
    this.#onChange = onChange;
    this.endpoint = endpoint;
    this.channel = channel;
    this.#activeMs = nowMs;
    this.#deadlineMs = nowMs + (cluster.config?.connectTimeoutMs ?? 0);
    this.#cluster.sessionOpened(endpoint);
    this.#socket = openSocket(endpoint, channel, alpn, cluster.guard);
    this.#socket.on('error', this.#onSocketError);
    this.#socket.once('close', this.#onClose);
    this.#socket.once(channel.tls === undefined ? 'connect' : 'secureConnect', this.#onConnected);
    plane.sweeper.add(this);
  }

  /** Whether it may take one more stream. */
  get hasRoom(): boolean {
    if (this.#state === 'connecting') return this.#waiting.size < upstreamHttp2.maxStreams;
    const peers = this.#session?.remoteSettings?.maxConcurrentStreams ?? upstreamHttp2.maxStreams;
    return this.#state === 'open' && this.#streams < Math.min(peers, upstreamHttp2.maxStreams);
  }

  /** Whether it may ever take one again. */
  get usable(): boolean {
    if (this.#state === 'connecting') return true;
    return this.#state === 'open' && this.#session?.closed === false && !this.#session.destroyed;
  }

  /** Whether a stream was ever answered: then a reset may only mean that the session was closed for being idle. */
  get reused(): boolean {
    return this.#uses > 1;
  }

  /** The user is told when it is open: at once if it is. */
  join(user: SessionUser, nowMs: number): void {
    if (this.#state === 'open') user.onSessionOpen(this, nowMs);
    else this.#waiting.add(user);
  }

  leave(user: SessionUser): void {
    this.#waiting.delete(user);
  }

  /** Undefined: it can take no stream any more. `streamEnded` follows once for each stream. */
  begin(): ClientHttp2Session | undefined {
    if (this.#state !== 'open' || this.#session === undefined || this.#session.closed) return undefined;
    this.#streams++;
    this.#uses++;
    const most = this.#cluster.config?.maxRequestsPerConnection ?? 0;
    const session = this.#session;
    // After this turn: the last stream must begin before it.
    if (most > 0 && this.#uses >= most) queueMicrotask(() => this.retire());
    return session;
  }

  streamEnded(): void {
    this.#streams--;
    const nowMs = this.#plane.clock.monotonicMs();
    this.#activeMs = nowMs;
    this.#deadlineMs = nowMs + (this.#cluster.config?.idleTimeoutMs ?? upstreamHttp2.idleMs);
    this.#onChange(this);
  }

  /** Something came. */
  active(nowMs: number): void {
    this.#activeMs = nowMs;
  }

  /** No new streams; those under way are finished. */
  retire(): void {
    if (this.#state === 'connecting' && this.#waiting.size === 0) this.destroy();
    if (this.#state !== 'open') return;
    this.#state = 'leaving';
    this.#session?.close();
    this.#onChange(this);
  }

  destroy(error?: Error): void {
    this.#error ??= error;
    this.#session?.destroy();
    this.#socket.destroy();
  }

  sweep(nowMs: number): void {
    if (this.#state === 'connecting') {
      if (nowMs >= this.#deadlineMs) this.destroy(new Error('the connection took too long'));
    } else if (this.#streams === 0) {
      if (nowMs >= this.#deadlineMs) this.retire();
    } else {
      this.#sweepPing(nowMs);
    }
  }

  /** Nothing came for a while: is anybody there? An application that is only slow answers, one that hangs does not. */
  #sweepPing(nowMs: number): void {
    if (this.#pingedMs >= 0) {
      if (nowMs - this.#pingedMs >= this.#plane.limits.upstreamPingMs) {
        this.destroy(new Error('no answer to a PING'));
      }
      return;
    }
    const quiet = nowMs - this.#activeMs >= this.#plane.limits.upstreamQuietMs;
    if (!quiet || this.#session?.destroyed !== false) return;
    this.#pingedMs = nowMs;
    this.#session.ping((error) => {
      if (error !== null) return;
      this.#pingedMs = -1;
      this.#activeMs = this.#plane.clock.monotonicMs();
    });
  }

  readonly #onSocketError = (error: Error): void => {
    this.#error ??= error;
  };

  readonly #onConnected = (): void => {
    const socket = this.#socket;
    if (socket instanceof TLSSocket && socket.alpnProtocol !== 'h2' && this.channel.tls !== undefined) {
      if (socket.alpnProtocol === 'http/1.1' || socket.alpnProtocol === false) this.#refuse();
      this.destroy(new Error('the endpoint does not speak HTTP/2'));
      return;
    }
    const session = connectHttp2('http://upstream', { ...sessionOptions, createConnection: () => socket });
    this.#session = session;
    session.on('error', this.#onSocketError);
    session.once('goaway', () => this.#onGoaway());
    session.on('remoteSettings', () => this.#onChange(this));
    session.once('connect', () => this.#onOpen(session));
  };

  #onOpen(session: ClientHttp2Session): void {
    if (this.#state !== 'connecting') return;
    session.setLocalWindowSize(upstreamHttp2.connectionWindowBytes);
    this.#state = 'open';
    const nowMs = this.#plane.clock.monotonicMs();
    this.#activeMs = nowMs;
    this.#deadlineMs = nowMs + (this.#cluster.config?.idleTimeoutMs ?? upstreamHttp2.idleMs);
    const users = [...this.#waiting];
    this.#waiting.clear();
    for (const user of users) user.onSessionOpen(this, nowMs);
  }

  #onGoaway(): void {
    if (this.#state === 'open') this.#state = 'leaving';
    this.#onChange(this);
  }

  #refuse(): void {
    const users = [...this.#waiting];
    this.#waiting.clear();
    for (const user of users) user.onSessionRefused();
  }

  readonly #onClose = (): void => {
    this.#state = 'closed';
    this.#plane.sweeper.remove(this);
    this.#cluster.sessionClosed(this.endpoint);
    this.#onChange(this);
    const users = [...this.#waiting];
    this.#waiting.clear();
    for (const user of users) user.onSessionFailed(this.#error);
  };
}
