/** What bounds the source, whatever an engine, or an image's author, sends. */
export const limits = {
  /** Of one container's description: a big one has a few hundred kilobytes of mounts and labels. */
  maxInspectBytes: 4 * 1024 * 1024,
  /** Of the list: some 40,000 containers. */
  maxListBytes: 64 * 1024 * 1024,
  /** Of `/info` and of an error's text. */
  maxInfoBytes: 1024 * 1024,
  /** Of one event: it repeats the container's labels. */
  maxEventBytes: 1024 * 1024,
  /** Descriptions asked for at the same time: more only queue inside the engine. */
  maxRequests: 8,
  /** The engine holds a container's lock while it starts; one that takes longer is asked for again later. */
  inspectTimeoutMs: 5_000,
  /** Until the list, `/info` or a ping is there; an engine with thousands of containers takes seconds. */
  requestTimeoutMs: 30_000,
  /** Containers that changed and were not looked at yet; beyond, all are read anew. */
  maxChanged: 10_000,
  /** How often a quiet connection is tried, at the most. */
  pingEveryMs: 15_000,
  /** How soon a container is asked for again that could not be read. */
  unreadAgainMs: 2_000,
  /** A container that was told to stop and runs on this long did not mean to: it is back in service. */
  maxStoppingMs: 10 * 60_000,
  /** Pauses between attempts to connect: doubled each time, half of it at random. */
  firstPauseMs: 200,
  maxPauseMs: 10_000,
} as const;
