import type { Authority } from './canonical-host.ts';
import type { BodyLength } from './framing.ts';

/** The end-to-end part of who asked, as the previous hop told it. Believed only from trusted peers. */
export interface ToldForwarding {
  readonly for: string;
  readonly proto: string;
  readonly host: string;
  /** Whole lines: `Forwarded`, `X-Real-IP`, other `X-Forwarded-…`. */
  readonly lines: string;
}

export const toldNothing: ToldForwarding = Object.freeze({ for: '', proto: '', host: '', lines: '' });

/** A request's head: parsed, checked, canonical. What is decided and what is forwarded both come from it. */
export interface RequestHead {
  readonly type: 'request';
  readonly method: string;
  /** Canonical: see `canonical-path.ts`; `*` for the asterisk form. */
  readonly path: string;
  /** With its `?`, or empty. */
  readonly query: string;
  readonly authority: Authority;
  /** 1 for HTTP/1.1, 0 for HTTP/1.0. */
  readonly minor: number;
  /** Octets, or `chunkedBody`. */
  readonly body: BodyLength;
  /** What the client wants of the connection afterwards. */
  readonly keepAlive: boolean;
  readonly expectsContinue: boolean;
  /** `TE: trailers`: the client takes trailer fields. */
  readonly trailers: boolean;
  /** A WebSocket is asked for. */
  readonly upgrade: boolean;
  /** End-to-end fields as lines, without those that the proxy owns. */
  readonly lines: string;
  readonly told: ToldForwarding;
  /** As the client sent it, or empty. */
  readonly requestId: string;
  readonly userAgent: string;
  /** Gateways of ours that it has passed: `X-Portolan-Hops`. Infinity where that is no number. */
  readonly hops: number;
}
