import { isIP } from 'node:net';
import { Fault } from '@portolan/core/base/fault.ts';
import { type ClusterIpRange, clusterIpRange } from '@portolan/core/rules/cluster-ip.ts';
import { z } from 'zod';
import { certificatesSchema } from '../certificates/config.ts';
import { templatesSchema } from '../outlets/templates/config.ts';
import { accessVariables, unknownVariable } from '../proxy/access-format.ts';
import { type EngineAddress, parseEngineAddress } from '../sources/docker/config.ts';
import type { SettingKey } from './flags.ts';
import * as value from './values.ts';

const store = value.text.transform((given, context): 'lmdb' | 'memory' => {
  if (given === 'lmdb' || given === 'memory') return given;
  const message = given.startsWith('etcd:')
    ? 'etcd as a store does not exist yet: use lmdb, or memory'
    : `must be lmdb or memory, not "${given}"`;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** Undefined: off. Which port is meant depends on `docker.cert-path`. */
const dockerHost = value.text.transform(
  (given, context): { engineAt(certPath: string): EngineAddress | undefined } => {
    if (given === 'off' || given === 'false') return { engineAt: () => undefined };
    const engine = parseEngineAddress(given);
    if (typeof engine !== 'string') return { engineAt: (certPath) => engineOf(given, certPath) };
    context.addIssue({ code: 'custom', message: engine });
    return z.NEVER;
  },
);

/** Undefined: no address. */
function engineOf(host: string, certPath: string): EngineAddress | undefined {
  const engine = parseEngineAddress(host, certPath);
  return typeof engine === 'string' ? undefined : engine;
}

interface FurtherEngine {
  readonly engine: EngineAddress;
  /** Undefined: as `docker.ip`. */
  readonly ip: string | undefined;
}

const engineEntry = z
  .union(
    [
      value.text.transform((host) => ({ host, ip: '', 'cert-path': '' })),
      z.strictObject({
        host: z.string(),
        ip: z
          .string()
          .refine((ip) => isIP(ip) !== 0, 'must be an IP address')
          .default(''),
        'cert-path': z.string().default(''),
      }),
    ],
    { error: 'must be an address, or a mapping of host, ip and cert-path' },
  )
  .transform((entry, context): FurtherEngine => {
    const engine = parseEngineAddress(entry.host, entry['cert-path']);
    if (typeof engine !== 'string') return { engine, ip: entry.ip || undefined };
    context.addIssue({ code: 'custom', message: engine });
    return z.NEVER;
  });

const dockerEngines = z
  .union([value.text, z.array(z.unknown())])
  .transform((given) => (Array.isArray(given) ? given : splitCommas(given)))
  .pipe(z.array(engineEntry));

function splitCommas(text: string): readonly string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** Undefined: none. */
const dockerIp = value.text.transform((given, context): { address: string | undefined } => {
  if (given === '' || isIP(given) !== 0) return { address: given || undefined };
  context.addIssue({ code: 'custom', message: `must be an IP address, not "${given}"` });
  return z.NEVER;
});

/** Also `json` and `combined`. */
const accessLogFormat = value.path.transform((given, context): string => {
  const unknown = unknownVariable(given);
  if (unknown === undefined) return given;
  context.addIssue({
    code: 'custom',
    message: `knows no ${unknown}: there are ${accessVariables.join(' ')}`,
  });
  return z.NEVER;
});

/** Undefined: off. */
const urlOrOff = value.path.transform((given, context): { url: string | undefined } => {
  if (given === 'off' || given === 'false') return { url: undefined };
  if (/^https?:$/.test(URL.parse(given)?.protocol ?? '')) return { url: given };
  context.addIssue({ code: 'custom', message: `must be an http:// or https:// URL, or off, not "${given}"` });
  return z.NEVER;
});

const ratio = value.path.transform((given, context): number => {
  const number = Number(given);
  if (given.trim() !== '' && number >= 0 && number <= 1) return number;
  context.addIssue({ code: 'custom', message: `must be a number from 0 to 1, not "${given}"` });
  return z.NEVER;
});

const ipRange = value.path.transform((given, context): ClusterIpRange => {
  try {
    return clusterIpRange(given);
  } catch (thrown) {
    context.addIssue({ code: 'custom', message: `must be one: ${Fault.from(thrown).message}` });
    return z.NEVER;
  }
});

/** An engine is asked three times as often. */
const minDockerTtlMs = 5_000;

const hour = 3_600_000;

/** What each setting's value must be, and what it becomes. */
export const schemas = {
  'listen.http': value.bindOrOff,
  'listen.dns': value.bindOrOff,
  'listen.gateway': value.bindOrOff,
  'listen.gateway-tls': value.bindOrOff,
  'listen.proxy-admin': value.bindOrOff,
  node: value.name,
  datacenter: value.name,
  address: value.ipAddress,
  'data-dir': value.path,
  store,
  'store-reserve': value.size({ min: 0, max: 2 ** 40 }),
  'allow-anonymous': value.toggle,
  'drain-timeout': value.duration({ max: hour }),
  'log.level': value.oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace'),
  'log.format': value.oneOf('auto', 'json', 'pretty'),
  'http.max-connections': value.whole({ min: 1, max: 1_000_000 }),
  'gateway.domain': value.domain,
  'gateway.tls.certificates': certificatesSchema,
  'gateway.workers': value.whole({ min: 1, max: 64 }),
  'gateway.access-log': value.path,
  'gateway.access-log-format': accessLogFormat,
  'gateway.tracing': urlOrOff,
  'gateway.tracing-ratio': ratio,
  'gateway.outlive': value.duration({ max: 24 * hour }),
  'gateway.max-tcp-listeners': value.whole({ min: 0, max: 10_000 }),
  'gateway.min-tcp-port': value.whole({ min: 1, max: 65_535 }),
  'dns.domain': value.domain,
  'dns.service-ttl': value.ttls,
  'dns.node-ttl': value.duration({ max: 365 * 24 * hour }),
  'dns.forwarders': value.binds(53),
  'dns.forward-for': value.networks,
  'dns.forward-timeout': value.duration({ max: 60_000 }),
  'dns.alt-domain': value.optionalDomain,
  'dns.cluster-domain': value.optionalDomain,
  'dns.only-passing': value.toggle,
  'dns.negative-ttl': value.duration({ max: 365 * 24 * hour }),
  'dns.address-limit': value.whole({ min: 0, max: 16_384 }),
  'dns.udp-answer-limit': value.whole({ min: 0, max: 16_384 }),
  'dns.node-metadata': value.toggle,
  'dns.max-stale': value.duration({ max: 3650 * 24 * hour }),
  'dns.responses-per-second': value.whole({ min: 0, max: 1_000_000 }),
  'http.allowed-hosts': value.list,
  'gateway.trusted-peers': value.networks,
  'gateway.zone': value.text,
  'health.max-running': value.whole({ min: 1, max: 10_000 }),
  manifests: value.text,
  'cluster-ip.mode': value.oneOf('listen', 'nft', 'off'),
  'cluster-ip.range': ipRange,
  'load-balancer.pool': z.union([z.literal('').transform(() => undefined), ipRange]),
  'docker.host': dockerHost,
  'docker.cert-path': value.text,
  'docker.engines': dockerEngines,
  'docker.ip': dockerIp,
  'docker.internal': value.toggle,
  'docker.explicit': value.toggle,
  'docker.tags': value.text,
  'docker.ip-from-label': value.text,
  'docker.ttl': value
    .duration({ max: 24 * hour })
    .refine((ms) => ms === 0 || ms >= minDockerTtlMs, 'must be 0, or at least 5s'),
  'docker.deregister': value.oneOf('always', 'on-success'),
  'docker.resync': value.duration({ max: 24 * hour }),
  'nginx.run': value.toggle,
  'nginx.config-file': value.text,
  'nginx.http-file': value.text,
  'nginx.stream-file': value.text,
  'nginx.pid-file': value.text,
  'nginx.reload-command': value.text,
  'nginx.binary': value.path,
  'nginx.listen': value.bindOrOff,
  'nginx.balance': value.oneOf('round-robin', 'least-conn'),
  'nginx.debounce': value.duration({ max: 60_000 }),
  'nginx.follow-dns': value.toggle,
  templates: templatesSchema,
} as const satisfies Readonly<Record<SettingKey, z.ZodType>>;

/** The values of all settings, by key. */
export type SettingValues = { readonly [K in SettingKey]: z.output<(typeof schemas)[K]> };
