/** Settings of the Consul dialect. */
export interface ConsulConfig {
  /** What `agent/self` gives as Consul's version: clients decide by it which calls they may make. */
  readonly apiVersion: string;
  /** Blocking queries: `wait` when absent or 0, and the most that is honoured. */
  readonly defaultWaitMs: number;
  readonly maxWaitMs: number;
  readonly maxKvBytes: number;
  readonly maxRegistrationBytes: number;
  /** Of the body of `txn`, values in base64 included. */
  readonly maxTransactionBytes: number;
  readonly maxTransactionOperations: number;
  /** Of an event's payload; events live in memory, so many are kept. */
  readonly maxEventBytes: number;
  readonly maxEvents: number;
  /** Of a prepared query. */
  readonly maxQueryBytes: number;
  /** Of a snapshot, packed and unpacked. */
  readonly maxSnapshotBytes: number;
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
  // Room for the largest value in base64; 128 operations are Consul's own (api-docs/txn).
  maxTransactionBytes: 1024 * 1024,
  maxTransactionOperations: 128,
  // More than gossip carries in Consul, where an event has to fit into a datagram; 256 are kept there too.
  maxEventBytes: 16 * 1024,
  maxEvents: 256,
  // A template is put together anew for each name that is asked: 16 KiB of references give some 300 KB.
  maxQueryBytes: 16 * 1024,
  // A catalog of 100,000 instances is about 100 MB of JSON.
  maxSnapshotBytes: 512 * 1024 * 1024,
  maxCachedAnswers: 4_096,
  maxCachedAnswerBytes: 64 * 1024 * 1024,
};
