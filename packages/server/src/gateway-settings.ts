import { resolve } from 'node:path';
import type { Settings } from './config/settings.ts';
import type { GatewaySettings } from './gateway/settings.ts';
import { version } from './version.ts';

/** What a gateway process needs of the settings. `outliveMs` undefined: it stands alone. */
export function gatewaySettings(
  settings: Settings,
  { outliveMs }: { readonly outliveMs: number | undefined },
): GatewaySettings {
  const { gateway, 'proxy-admin': admin } = settings.listeners;
  return {
    version,
    stateDir: resolve(settings.dataDir),
    http: gateway,
    tls: settings.listeners['gateway-tls'],
    admin,
    adminHosts: [settings.node],
    workers: settings.gateway.workers,
    accessLog: settings.gateway.accessLog,
    accessLogFormat: settings.gateway.accessLogFormat,
    tracing: settings.gateway.tracing,
    trustedPeers: settings.gateway.trustedPeers,
    zone: settings.gateway.zone,
    drainTimeoutMs: settings.drainTimeoutMs,
    outliveMs,
    log: settings.log,
  };
}
