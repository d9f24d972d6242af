/** Every limit and default of the client, once, with its reason. Milliseconds and bytes. */
export const limits = {
  /** A registry on the same machine answers within a millisecond; a far one within a round trip. */
  connectTimeoutMs: 2_000,
  /** A write waits for the registry's disk; ten seconds is a disk in trouble. */
  registryTimeoutMs: 10_000,
  /** A blocking read is asked to end by itself after this, which also proves that the connection lives. */
  watchWaitMs: 30_000,
  /** Added to the wait before the read counts as hung: a registry adds up to wait/16 of jitter, then it has to answer. */
  watchGraceMs: 10_000,
  /** Between two answers of one watch, so that a registry that never blocks costs ten requests a second and not a core. */
  watchMinGapMs: 100,
  /** The first retry comes soon: most restarts take a second or two. */
  backOffFirstMs: 100,
  /** And the last ones do not hammer a registry that is away for long. */
  backOffMostMs: 10_000,
  /** One service with 20,000 instances is about 16 MB of JSON. */
  maxRegistryBodyBytes: 32 * 1024 * 1024,
  /** Watches held at once; the one that was not asked for longest makes room. */
  maxWatches: 256,
  /** How long `resolve` waits for a first answer. */
  resolveTimeoutMs: 5_000,
  /** Registered instances without a TTL check are looked up this often, and registered again if the registry forgot them. */
  confirmIntervalMs: 10_000,
  /** A TTL check is renewed when this share of it has gone: two more tries fit before it runs out. */
  renewShareOfTtl: 1 / 3,
  /** Instances one client may keep registered. */
  maxRegistrations: 1_024,
  /** One call by service name, all tries together, until the response's headers. */
  invokeTimeoutMs: 15_000,
  /** One try of it. */
  tryTimeoutMs: 5_000,
  /** Tries after the first: enough to pass two dead instances, too few to make a storm. */
  maxRetries: 2,
  /** Calls to one service at the same time (Envoy's default): more would only wait in its queues. */
  maxRequests: 1_024,
  /** A request's body is kept in memory so that it can be sent again. */
  maxRequestBodyBytes: 8 * 1024 * 1024,
  /** After a connection to it failed an instance is passed over this long, while another one is there; longer each time. */
  cooldownMs: 5_000,
  /** Connections to one address; further requests wait for a free one. */
  maxSocketsPerAddress: 128,
  maxIdleSocketsPerAddress: 16,
  /** Shorter than the five seconds of a Node server, so that the client closes first. */
  idleSocketMs: 4_000,
  /** `close` tries this long to deregister what the client registered. */
  closeTimeoutMs: 3_000,
} as const;
