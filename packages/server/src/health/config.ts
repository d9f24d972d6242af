/** Settings of the health checks. Times are milliseconds. */
export interface HealthConfig {
  /** Probes under way at the same time. Those that take longer than a second count apart; there are up to three times as many. */
  readonly maxRunning: number;
  /** A check that asks for more often is run this often: nobody may turn the checker into a load generator. */
  readonly minIntervalMs: number;
  /** Longest time one probe may take, whatever its definition says: a probe holds one of `maxRunning`. */
  readonly maxTimeoutMs: number;
  /** CIDRs that no probe may connect to, besides `deniedByDefault` (core/base/address-rules.ts). */
  readonly denyCidrs: readonly string[];
  /** CIDRs that may be connected to although a denied one holds them. With `denyCidrs` of everything: an allow-list. */
  readonly allowCidrs: readonly string[];
  /** Further certificate authorities, PEM, for checks over TLS. */
  readonly caPem?: string;
}

export const defaultHealthConfig: HealthConfig = {
  maxRunning: 512,
  minIntervalMs: 1_000, // Consul's own floor
  maxTimeoutMs: 60_000,
  denyCidrs: [],
  allowCidrs: [],
};

/** Used where a check's definition names no timeout (0): ten seconds, or the interval if that is shorter. As Consul. */
export const defaultTimeoutMs = 10_000;

/** How much of a body, or of a reported text, is kept as a check's output. Consul's OutputMaxSize. */
export const maxOutputBytes = 4_096;
