import type { Bind, ListenerAddress } from '../contract.ts';
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
  /** The listener `gateway-tls`. */
  readonly tls: Bind | undefined;
  readonly admin: Bind | undefined;
  readonly adminHosts: readonly string[];
  readonly workers: number;
  readonly accessLog: string;
  readonly accessLogFormat: string;
  readonly tracing: TracingConfig | undefined;
  readonly trustedPeers: readonly string[];
  /** Where it is; default: unknown. */
  readonly zone?: string;
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

/**
 * Whether a gateway that runs with one is what the other asks for: in all but the log, which is changed while it runs. Who asks for port 0 is
 * content with any.
 */
export function sameSettings(running: GatewaySettings, wanted: GatewaySettings): boolean {
  const binds = {
    http: boundAs(wanted.http, running.http),
    tls: boundAs(wanted.tls, running.tls),
    admin: boundAs(wanted.admin, running.admin),
  };
  return canonical(running) === canonical({ ...wanted, ...binds });
}

/** The settings with the ports that were found for port 0. */
export function settledSettings(
  settings: GatewaySettings,
  listeners: readonly ListenerAddress[],
): GatewaySettings {
  const at = (bind: Bind | undefined, name: string): Bind | undefined =>
    boundAs(
      bind,
      listeners.find((listener) => listener.name === name),
    );
  return {
    ...settings,
    http: at(settings.http, 'gateway'),
    tls: at(settings.tls, 'gateway-tls'),
    admin: at(settings.admin, 'proxy-admin'),
  };
}

function boundAs(wanted: Bind | undefined, bound: Bind | undefined): Bind | undefined {
  if (wanted === undefined || wanted.port !== 0 || bound === undefined) return wanted;
  return { address: wanted.address, port: bound.port };
}

function canonical({ log: _, ...settings }: GatewaySettings): string {
  const byKey = (_key: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
      : value;
  return JSON.stringify(settings, byKey);
}
