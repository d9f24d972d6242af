import type { Bind } from '../contract.ts';
import type { createLog } from '../log.ts';
import type { GatewayLimits } from '../proxy/limits.ts';
import type { TracingConfig } from '../proxy/tracing/config.ts';

/** What a gateway process is asked to be. Plain JSON: it crosses from one process to the next. */
export interface GatewaySettings {
  /** Of the program that made these settings. */
  readonly version: string;
  /** A directory of its own, readable by its owner only. */
  readonly stateDir: string;
  readonly http: Bind | undefined;
  readonly admin: Bind | undefined;
  readonly adminHosts: readonly string[];
  readonly workers: number;
  readonly accessLog: string;
  readonly accessLogFormat: string;
  readonly tracing: TracingConfig | undefined;
  readonly trustedPeers: readonly string[];
  readonly limits?: Partial<GatewayLimits>;
  /** For work under way when it is told to stop by a signal, or nobody is left to tell it. */
  readonly drainTimeoutMs: number;
  /**
   * How long it goes on without the server that it belongs to, once that has died. Undefined: it stands alone, belongs to nobody, and obeys
   * signals.
   */
  readonly outliveMs: number | undefined;
  readonly log: Parameters<typeof createLog>[0];
}

/** Whether a gateway that runs with `left` is what `right` asks for: all but the log, which is changed while it runs. */
export function sameSettings(left: GatewaySettings, right: GatewaySettings): boolean {
  return canonical(left) === canonical(right);
}

function canonical({ log: _, ...settings }: GatewaySettings): string {
  const byKey = (_key: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
      : value;
  return JSON.stringify(settings, byKey);
}
