/**
 * The limits of the data plane. Names say the unit. Defaults are those of Envoy's edge advice where it has one, else as noted;
 * counts are for each worker.
 */
export interface GatewayLimits {
  /** From a request's first octet to the end of its head, however slowly it drips. HAProxy's advice. */
  readonly headTimeoutMs: number;
  /** From a connection's first moment to the end of its PROXY protocol header and TLS handshake, however slowly they come. */
  readonly handshakeTimeoutMs: number;
  /** TLS handshakes under way. Each holds some 50 KB; who takes longest is dropped for a newcomer. */
  readonly maxHandshakes: number;
  /** Sources of datagrams that a door knows at the same time: each costs a socket. */
  readonly maxUdpSessions: number;
  /** Of a door; about 0.1 ms of work each. */
  readonly maxNewUdpSessionsPerSecond: number;
  /** A connection with no request under way. nginx's default. */
  readonly keepAliveTimeoutMs: number;
  /** How long a client that ended its side is believed to wait still for its answer: most that end have given up. */
  readonly halfClosedMs: number;
  /** A body, either way, of which nothing arrives. */
  readonly bodyStallMs: number;
  /** A peer that does not read what we have for it. */
  readonly writeStallMs: number;
  /** A response that was asked for and does not begin, and an open stream on which nothing moves. Envoy's stream idle timeout. */
  readonly streamIdleMs: number;
  /** A WebSocket or TCP connection on which nothing moves. Envoy's TCP idle timeout. */
  readonly tunnelIdleMs: number;
  /** Idle time of a pooled upstream connection: below the 5 s after which Node's servers close theirs. */
  readonly upstreamIdleMs: number;
  /** An upstream that answers nobody for so long is thought to hang: what may be sent twice is asked of another, too. */
  readonly upstreamSilentMs: number;
  /** An HTTP/2 upstream of which nothing comes while streams are open: then a PING asks whether anybody is there, and waits so long. */
  readonly upstreamQuietMs: number;
  readonly upstreamPingMs: number;
  readonly maxConnections: number;
  /** Octets of all clients together that came before their turn (pipelined requests); whoever passes it is cut. */
  readonly maxAheadBytes: number;
  /**
   * Octets of all connections together that wait for somebody to take them: answers for clients, requests for upstreams. Beyond it those that
   * hold most are cut.
   */
  readonly maxHeldBytes: number;
  /** Of a request body that is kept so that the request can be sent again. */
  readonly maxReplayBytes: number;
  /** Idle upstream connections kept for each endpoint. */
  readonly maxIdlePerEndpoint: number;
  /** What a client may still send, unread, after the answer that closes its connection; and how long. */
  readonly lingerBytes: number;
  readonly lingerMs: number;
  /** How long WebSockets and TCP connections may live on once we drain. */
  readonly drainMs: number;
  /** Gateways in a row that a request may pass: more are a loop, of services that lead to gateways. */
  readonly maxHops: number;
}

export const defaultLimits: GatewayLimits = Object.freeze({
  headTimeoutMs: 10_000,
  handshakeTimeoutMs: 10_000,
  maxHandshakes: 1_024,
  maxUdpSessions: 4_096,
  maxNewUdpSessionsPerSecond: 2_000,
  keepAliveTimeoutMs: 75_000,
  halfClosedMs: 2_000,
  bodyStallMs: 30_000,
  writeStallMs: 30_000,
  streamIdleMs: 300_000,
  tunnelIdleMs: 3_600_000,
  upstreamIdleMs: 4_000,
  upstreamSilentMs: 30_000,
  upstreamQuietMs: 5_000,
  upstreamPingMs: 5_000,
  maxConnections: 10_000,
  maxAheadBytes: 67_108_864,
  maxHeldBytes: 268_435_456,
  maxReplayBytes: 65_536,
  maxIdlePerEndpoint: 1_024,
  lingerBytes: 1_048_576,
  lingerMs: 2_000,
  drainMs: 30_000,
  maxHops: 10,
});
