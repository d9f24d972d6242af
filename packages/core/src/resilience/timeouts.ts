/** All in milliseconds; 0: none. */
export interface Timeouts {
  /** From the whole request received to the whole response. */
  readonly requestMs: number;
  /** One try; 0: as long as the request may take. */
  readonly tryMs: number;
  /** Nothing was sent or received on either side of a request, WebSocket or tunnel. */
  readonly streamIdleMs: number;
  /** An endpoint's connection without a request. */
  readonly connectionIdleMs: number;
  readonly connectMs: number;
}

/** Envoy's: route `timeout`, `stream_idle_timeout`, `idle_timeout` of the upstream, `connect_timeout`. */
export const timeoutDefaults: Timeouts = Object.freeze({
  requestMs: 15_000,
  tryMs: 0,
  streamIdleMs: 300_000,
  connectionIdleMs: 3_600_000,
  connectMs: 5_000,
});

/** When the whole request must be over (monotonic); Infinity: never. */
export function requestDeadlineMs(timeouts: Timeouts, receivedMs: number): number {
  return timeouts.requestMs === 0 ? Number.POSITIVE_INFINITY : receivedMs + timeouts.requestMs;
}

/** When a try that begins now must be over; never after the request. */
export function tryDeadlineMs(timeouts: Timeouts, requestDeadline: number, nowMs: number): number {
  return timeouts.tryMs === 0 ? requestDeadline : Math.min(requestDeadline, nowMs + timeouts.tryMs);
}

/** When connecting must be over that begins now; never after its try. */
export function connectDeadlineMs(timeouts: Timeouts, tryDeadline: number, nowMs: number): number {
  return timeouts.connectMs === 0 ? tryDeadline : Math.min(tryDeadline, nowMs + timeouts.connectMs);
}
