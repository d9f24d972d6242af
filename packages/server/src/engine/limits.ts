/** What bounds the engine's memory and the length of its turns. */
export interface EngineLimits {
  /** Intents that wait for a commit; more are refused with `unavailable`. 10,000: a second's work. */
  readonly maxQueuedIntents: number;
  /** Intents that share one commit. 1,000: some 30 ms of deciding and writing. */
  readonly maxBatchIntents: number;
  /** Characters of records in one commit, roughly. 4 Mi. A single intent may be larger. */
  readonly maxBatchSize: number;
  /** How often an intent is decided anew because another node was faster, until its caller is told. */
  readonly maxAttempts: number;
  /** Watches at the same time; more are refused with `unavailable`. 200,000, about 0.5 KB each. */
  readonly maxWaiters: number;
  /** How often a store that failed is tried again. */
  readonly probeEveryMs: number;
}

export const defaultEngineLimits: EngineLimits = {
  maxQueuedIntents: 10_000,
  maxBatchIntents: 1_000,
  maxBatchSize: 4 * 1024 * 1024,
  maxAttempts: 8,
  maxWaiters: 200_000,
  probeEveryMs: 1_000,
};
