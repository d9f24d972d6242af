/** Settings of the Consul dialect. */
export interface ConsulConfig {
  /** What `agent/self` gives as Consul's version: clients decide by it which calls they may make. */
  readonly apiVersion: string;
  /** Blocking queries: `wait` when absent or 0, and the most that is honoured. */
  readonly defaultWaitMs: number;
  readonly maxWaitMs: number;
  readonly maxKvBytes: number;
  readonly maxRegistrationBytes: number;
  /** Encoded answers that are kept for others who ask the same. */
  readonly maxCachedAnswers: number;
  readonly maxCachedAnswerBytes: number;
}

export const defaultConsulConfig: ConsulConfig = {
  apiVersion: '1.17.0',
  // Consul's own (developer.hashicorp.com/consul/api-docs/features/blocking).
  defaultWaitMs: 300_000,
  maxWaitMs: 600_000,
  // Consul's own (kv_max_value_size).
  maxKvBytes: 512 * 1024,
  maxRegistrationBytes: 1024 * 1024,
  maxCachedAnswers: 4_096,
  maxCachedAnswerBytes: 64 * 1024 * 1024,
};
