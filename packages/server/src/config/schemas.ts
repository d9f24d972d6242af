import { z } from 'zod';
import { templatesSchema } from '../outlets/templates/config.ts';
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

const hour = 3_600_000;

/** What each setting's value must be, and what it becomes. */
export const schemas = {
  'listen.http': value.bindOrOff,
  'listen.dns': value.bindOrOff,
  'listen.gateway': value.bindOrOff,
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
  'gateway.workers': value.whole({ min: 1, max: 64 }),
  'gateway.access-log': value.path,
  'dns.domain': value.domain,
  'dns.service-ttl': value.duration({ max: 365 * 24 * hour }),
  'dns.node-ttl': value.duration({ max: 365 * 24 * hour }),
  'dns.forwarders': value.binds(53),
  'health.max-running': value.whole({ min: 1, max: 10_000 }),
  templates: templatesSchema,
} as const satisfies Readonly<Record<SettingKey, z.ZodType>>;

/** The values of all settings, by key. */
export type SettingValues = { readonly [K in SettingKey]: z.output<(typeof schemas)[K]> };
