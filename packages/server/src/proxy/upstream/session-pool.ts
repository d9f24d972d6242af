import type { ClusterState } from '../cluster-state.ts';
import type { EndpointState } from '../endpoint-state.ts';
import type { Plane } from '../plane.ts';
import type { Channel } from './cluster-tls.ts';
import { upstreamHttp2 } from './http2-limits.ts';
import { UpstreamSession } from './upstream-session.ts';

/** Who waits for a stream. */
export interface StreamSeeker {
  readonly channel: Channel;
  /** There may be one now. */
  onTurn(): void;
}

/** The HTTP/2 connections of one endpoint, and who waits for a stream of them. */
export class SessionPool {
  /** The endpoint chose HTTP/1.1 when it was asked. */
  http1Only = false;
  #sessions: UpstreamSession[] = [];
  readonly #waiting: StreamSeeker[] = [];
  #retired = false;

  get size(): number {
    return this.#sessions.length;
  }

  /** A session with room, open or on its way; undefined: `seeker` waits; or there is no room to wait either. */
  take(
    plane: Plane,
    cluster: ClusterState,
    endpoint: EndpointState,
    seeker: StreamSeeker,
    alpn: readonly string[],
  ): UpstreamSession | 'full' | undefined {
    const { channel } = seeker;
    const found = this.#sessions.find((session) => session.hasRoom && sameChannel(session.channel, channel));
    if (found !== undefined) return found;
    if (cluster.breaker.hasRoom('connections')) {
      const opened = new UpstreamSession(plane, cluster, endpoint, channel, alpn, (changed) =>
        this.#onChange(changed),
      );
      this.#sessions.push(opened);
      return opened;
    }
    if (this.#sessions.length === 0 || this.#waiting.length >= upstreamHttp2.maxWaiting) return 'full';
    this.#waiting.push(seeker);
    return undefined;
  }

  leave(seeker: StreamSeeker): void {
    const at = this.#waiting.indexOf(seeker);
    if (at !== -1) this.#waiting.splice(at, 1);
  }

  /** The endpoint is gone: what is under way is finished. */
  retire(): void {
    this.#retired = true;
    for (const session of [...this.#sessions]) session.retire();
  }

  #onChange(session: UpstreamSession): void {
    if (this.#retired) session.retire();
    if (!session.usable) this.#sessions = this.#sessions.filter((other) => other !== session);
    this.#waiting.shift()?.onTurn();
  }
}

function sameChannel(left: Channel, right: Channel): boolean {
  return left.key === right.key && left.tls === right.tls;
}
