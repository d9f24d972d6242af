/** Limits of HTTP/2 towards endpoints. Counts are for each connection. */
export const upstreamHttp2 = Object.freeze({
  /** Streams at the same time, if the endpoint allows as many. More open another connection. */
  maxStreams: 100,
  /** Of one response that we have not passed on. */
  streamWindowBytes: 262_144,
  /** Of all responses together. */
  connectionWindowBytes: 4_194_304,
  /** Fields of one response, `:status` included; ours of HTTP/1 is 100. */
  maxFields: 101,
  maxHeaderBytes: 16_384,
  /** What `node:http2` may hold for one session. */
  maxSessionMegabytes: 16,
  /** A session without streams. */
  idleMs: 60_000,
  /** Requests that wait for a stream at one endpoint. */
  maxWaiting: 1_024,
});
