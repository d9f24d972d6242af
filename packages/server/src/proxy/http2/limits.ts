/** Limits of HTTP/2 towards clients. Counts are for each connection. */
export const clientHttp2 = Object.freeze({
  /** Streams at the same time. Envoy's edge advice. */
  maxStreams: 100,
  /** Of one stream's body that we have not read. */
  streamWindowBytes: 65_536,
  /** Of all streams together. Envoy's edge advice: 1 MiB. */
  connectionWindowBytes: 1_048_576,
  /** Fields with the four pseudo-header fields; ours of HTTP/1 is 100. */
  maxFields: 104,
  /** What HTTP/2 calls the size of a field section; ours of HTTP/1 is 16 KiB. */
  maxHeaderBytes: 16_384,
  /** Megabytes that `node:http2` may hold for one session; beyond it the peer's streams are refused. */
  maxSessionMegabytes: 4,
  /** Frames that are no valid HTTP/2 before the session is closed. */
  maxInvalidFrames: 100,
  /**
   * Streams that the client gives up before they are answered. A browser that leaves a page gives up at most its `maxStreams`. Beyond it the
   * connection is closed (CVE-2023-44487).
   */
  resets: { maxTokens: 200, tokensPerFill: 20, fillMs: 1_000 },
  /** PING and SETTINGS frames of the client (CVE-2019-9512, CVE-2019-9515). */
  controls: { maxTokens: 200, tokensPerFill: 20, fillMs: 1_000 },
  /**
   * Octets that are neither body nor open a stream: frames that make work and mean nothing (CVE-2019-9511 and its kin). A WINDOW_UPDATE
   * has 13; a client that reads 100 MB a second and says so for every 16 KiB, twice, sends 160,000.
   */
  overheadBytes: { maxTokens: 2_097_152, tokensPerFill: 524_288, fillMs: 1_000 },
});
