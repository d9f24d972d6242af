import { parseDurationMs } from '@portolan/core/base/duration.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import { isHostName } from '@portolan/core/base/host-name.ts';
import { isIpAddress } from '@portolan/core/base/ip-address.ts';
import { type Labels, labels, noLabels } from '@portolan/core/base/labels.ts';
import {
  type CheckDefinition,
  type CheckRecord,
  defaultNamespace,
  type InstanceRecord,
  type Origin,
  type Probe,
} from '@portolan/core/catalog/records.ts';
import { z } from 'zod';

const day = 24 * 3_600_000;
const text = (max: number) => z.string().max(max);
/** `10s`, `1m30s`: milliseconds. */
const duration = ({ min = 0, max }: { min?: number; max: number }) =>
  z.string().transform((given, context): number => {
    const ms = parseDurationMs(given);
    if (ms !== undefined && ms >= min && ms <= max) return ms;
    const message =
      ms === undefined ? 'must be a duration such as 10s or 1m30s' : `must be between ${min}ms and ${max}ms`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

/** A flat map of text. Not zod's own record: that leaves out a key named `__proto__` without a word. */
const stringMap = z.unknown().transform((given, context): Labels => {
  const pairs: [string, string][] = [];
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    context.addIssue({ code: 'custom', message: 'must be an object of texts' });
    return z.NEVER;
  }
  for (const [key, value] of Object.entries(given)) {
    if (typeof value === 'string') pairs.push([key, value]);
    else context.addIssue({ code: 'custom', message: 'must be a text', path: [key] });
  }
  return labels(pairs);
});

const check = z.strictObject({
  id: text(255).min(1).optional(),
  name: text(255).optional(),
  notes: text(4096).optional(),
  http: z
    .strictObject({
      url: z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' }),
      method: z
        .string()
        .regex(/^[A-Z]+$/, 'must be a method such as GET')
        .default('GET'),
      headers: z.record(z.string(), z.array(z.string())).default({}),
      body: text(65_536).default(''),
      tlsServerName: text(255).default(''),
      tlsSkipVerify: z.boolean().default(false),
    })
    .optional(),
  tcp: text(255).optional(),
  grpc: text(255).optional(),
  ttl: duration({ min: 1, max: day }).optional(),
  interval: duration({ min: 1, max: day }).default(10_000),
  timeout: duration({ max: day }).default(0),
  successBeforePassing: z.int().min(0).max(1000).default(0),
  failuresBeforeWarning: z.int().min(0).max(1000).default(0),
  failuresBeforeCritical: z.int().min(0).max(1000).default(0),
  deregisterAfter: duration({ max: 366 * day }).default(0),
  status: z.enum(['passing', 'warning', 'critical']).default('critical'),
});

/** '' is the node's. */
function isAddress(value: string): boolean {
  return value === '' || isIpAddress(value) || isHostName(value);
}

const instance = z.strictObject({
  namespace: text(255).min(1).default(defaultNamespace),
  node: text(255).min(1).optional(),
  address: text(255).refine(isAddress, 'must be an IP address or a host name').default(''),
  port: z
    .int('must be a whole number')
    .min(0, 'must be from 0 to 65535')
    .max(65_535, 'must be from 0 to 65535')
    .default(0),
  tags: z.array(z.string()).max(256).default([]),
  metadata: stringMap.default(noLabels),
  weights: z
    .strictObject({
      passing: z.int().min(1).max(65_535).default(1),
      warning: z.int().min(0).max(65_535).default(1),
    })
    .default({ passing: 1, warning: 1 }),
  adminState: z.enum(['in-service', 'draining', 'out-of-service']).default('in-service'),
  adminReason: text(4096).default(''),
  checks: z.array(check).max(64).default([]),
});

/** What a registration writes. */
export interface Registration {
  readonly instance: InstanceRecord;
  readonly checks: readonly CheckRecord[];
}

/**
 * The body of `PUT /portolan/v1/instances/{service}/{id}` as records. An `invalid` fault names the field; fields that are not
 * known are refused.
 */
export function registrationFrom(
  body: unknown,
  key: { readonly service: string; readonly id: string; readonly defaultNode: string },
  origin: Origin,
): Registration {
  const given = parse(instance, body);
  const { namespace, node = key.defaultNode, checks, metadata, ...rest } = given;
  const record: InstanceRecord = {
    ...rest,
    kind: 'instance',
    namespace,
    service: key.service,
    node,
    id: key.id,
    metadata,
    taggedAddresses: Object.create(null),
    enableTagOverride: false,
    origin,
  };
  return { instance: record, checks: checks.map((one, index) => checkFrom(one, index, record)) };
}

function checkFrom(given: z.output<typeof check>, index: number, of: InstanceRecord): CheckRecord {
  const probe = probeFrom(given, index);
  const definition: CheckDefinition = {
    probe,
    intervalMs: given.interval,
    timeoutMs: given.timeout,
    successBeforePassing: given.successBeforePassing,
    failuresBeforeWarning: given.failuresBeforeWarning,
    failuresBeforeCritical: given.failuresBeforeCritical,
    deregisterAfterMs: given.deregisterAfter,
  };
  return {
    kind: 'check',
    node: of.node,
    id: given.id ?? `${of.service}:${of.id}:${index + 1}`,
    name: given.name ?? `${probe.type} check of ${of.service}`,
    status: given.status,
    output: '',
    notes: given.notes ?? '',
    instance: { namespace: of.namespace, service: of.service, id: of.id },
    definition,
    origin: of.origin,
  };
}

function probeFrom(given: z.output<typeof check>, index: number): Probe {
  const probes: Probe[] = [];
  if (given.http !== undefined) probes.push({ type: 'http', ...given.http });
  if (given.tcp !== undefined) probes.push({ type: 'tcp', address: given.tcp, tls: false });
  if (given.grpc !== undefined) {
    probes.push({ type: 'grpc', target: given.grpc, tls: false, tlsSkipVerify: false });
  }
  if (given.ttl !== undefined) probes.push({ type: 'ttl', ttlMs: given.ttl });
  const [only, ...others] = probes;
  if (only !== undefined && others.length === 0) return only;
  const path = `checks[${index}]`;
  throw new Fault('invalid', `${path} must have exactly one of http, tcp, grpc and ttl`, { path });
}

/** The value that `schema` makes of `given`, or an `invalid` fault for the first problem. */
export function parse<T extends z.ZodType>(schema: T, given: unknown): z.output<T> {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const path = pathOf(unknown === undefined ? (issue?.path ?? []) : [...(issue?.path ?? []), unknown]);
  const what = unknown === undefined ? (issue?.message ?? 'is not valid') : 'is not a field here';
  throw new Fault(
    'invalid',
    path === '' ? `The body is wrong: ${what}` : `${path}: ${what}`,
    path === '' ? {} : { path },
  );
}

function pathOf(parts: readonly PropertyKey[]): string {
  return parts.reduce<string>((path, part) => {
    if (typeof part === 'number') return `${path}[${part}]`;
    return path === '' ? String(part) : `${path}.${String(part)}`;
  }, '');
}
