/** What the `http` listener allows. Body sizes are not here: each route knows its own. */
export interface HttpLimits {
  readonly maxConnections: number;
  /** Loopback addresses are exempt: there, one address is many clients. */
  readonly maxConnectionsPerAddress: number;
  /** Request line and headers together. */
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  readonly headersTimeoutMs: number;
  /** From the first byte to the last of a request, its body included. How long an answer takes has no limit. */
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** A connection whose peer reads nothing of a waiting answer for this long is closed. */
  readonly writeStallTimeoutMs: number;
  /** What a client may still send, unread, after an answer that came before its request was whole; and how long. */
  readonly maxLeftoverBytes: number;
  readonly leftoverTimeoutMs: number;
  /** Of answers above 1 MiB that are not read yet, all together. */
  readonly maxWaitingAnswerBytes: number;
  /** How often the three limits above are looked at. */
  readonly timeoutCheckIntervalMs: number;
}

export const defaultHttpLimits: HttpLimits = {
  // 10,000 blocking watchers and as many ordinary clients; below the usual 65,536 of file descriptors.
  maxConnections: 20_000,
  // What Consul allows (http_max_conns_per_client).
  maxConnectionsPerAddress: 200,
  maxHeaderBytes: 16 * 1024,
  maxHeaders: 100,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  // Longer than the 60 s that proxies and client pools keep: so that it is they who close, and never meet a closed door.
  keepAliveTimeoutMs: 75_000,
  writeStallTimeoutMs: 30_000,
  // A few recursive reads of a large store at a time; what watchers share counts once.
  maxWaitingAnswerBytes: 512 * 1024 * 1024,
  // Reading costs little and keeps nothing; who has more to say does not want to hear that it is too much.
  maxLeftoverBytes: 64 * 1024 * 1024,
  leftoverTimeoutMs: 5_000,
  timeoutCheckIntervalMs: 1_000,
};

/** A reader that has too much to say is read to its end up to here, so that it gets to see the answer. */
export const maxDiscardedBytes = 8 * 1024 * 1024;

/** Query parameters in one request. */
export const maxQueryParameters = 256;
