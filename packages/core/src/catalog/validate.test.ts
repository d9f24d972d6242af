import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Fault } from '../base/fault.ts';
import { labelsFrom, noLabels } from '../base/labels.ts';
import type { CatalogRecord, CheckRecord, InstanceRecord, KvRecord } from './records.ts';
import { checkRecord, limits } from './validate.ts';

const origin = { dialect: 'test', source: 's', node: 'n' };
const instance: InstanceRecord = {
  kind: 'instance',
  namespace: 'default',
  service: 'web',
  node: 'n1',
  id: 'web-1',
  address: '10.0.0.1',
  port: 65_535,
  tags: ['http', ''],
  metadata: labelsFrom({ version: 'v1' }),
  taggedAddresses: { lan: { address: '::1', port: 0 } },
  weights: { passing: 0, warning: 65_535 },
  adminState: 'in-service',
  adminReason: '',
  enableTagOverride: false,
  origin,
};
const check: CheckRecord = {
  kind: 'check',
  node: 'n1',
  id: 'c',
  name: '',
  status: 'passing',
  output: 'line\nline',
  notes: '',
  instance: { namespace: 'default', service: 'web', id: 'web-1' },
  definition: {
    probe: { type: 'ttl', ttlMs: 1 },
    intervalMs: 0,
    timeoutMs: 0,
    successBeforePassing: 0,
    failuresBeforeWarning: 0,
    failuresBeforeCritical: 0,
    deregisterAfterMs: 0,
  },
  origin,
};
const kv: KvRecord = { kind: 'kv', key: 'a\u0001/b', value: '', flags: '18446744073709551615', lockIndex: 0 };

function faultOf(record: CatalogRecord): Fault | undefined {
  try {
    checkRecord(record);
    return undefined;
  } catch (thrown) {
    assert.ok(thrown instanceof Fault, String(thrown));
    return thrown;
  }
}

test('records at the edge of their limits are taken', () => {
  const good: CatalogRecord[] = [
    instance,
    check,
    kv,
    { ...instance, id: 'é'.repeat(127), address: '', port: 0 },
    { ...kv, key: 'k'.repeat(limits.maxKvKeyBytes), value: 'A'.repeat(limits.maxKvValueLength) },
    { kind: 'lease', id: 'l', ttlMs: limits.maxDurationMs, owner: 'n', origin },
    { kind: 'service', namespace: 'default', name: '__proto__', metadata: noLabels, origin },
  ];
  for (const record of good) assert.equal(faultOf(record), undefined, JSON.stringify(record).slice(0, 200));
});

const bad: readonly [string, CatalogRecord, 'invalid' | 'too-large', string][] = [
  ['an empty service', { ...instance, service: '' }, 'invalid', 'service'],
  ['an empty namespace', { ...instance, namespace: '' }, 'invalid', 'namespace'],
  ['a namespace with a slash', { ...instance, namespace: 'a/b' }, 'invalid', 'namespace'],
  ['an empty id', { ...instance, id: '' }, 'invalid', 'id'],
  ['a line feed in a name', { ...instance, service: 'a\nb' }, 'invalid', 'service'],
  ['NUL in a node', { ...instance, node: 'a\0' }, 'invalid', 'node'],
  ['a C1 control in an id', { ...instance, id: '\u0085' }, 'invalid', 'id'],
  ['half a surrogate pair', { ...instance, service: 'a\ud800' }, 'invalid', 'service'],
  ['a long name', { ...instance, service: 'a'.repeat(256) }, 'too-large', 'service'],
  ['a name long in bytes only', { ...instance, service: 'é'.repeat(128) }, 'too-large', 'service'],
  [
    'a key that escapes make long',
    { ...instance, service: '%'.repeat(255), node: '%'.repeat(255), id: '%'.repeat(255) },
    'too-large',
    'id',
  ],
  ['a port that is too high', { ...instance, port: 65_536 }, 'invalid', 'port'],
  ['a negative port', { ...instance, port: -1 }, 'invalid', 'port'],
  ['half a port', { ...instance, port: 80.5 }, 'invalid', 'port'],
  ['no number as port', { ...instance, port: Number.NaN }, 'invalid', 'port'],
  [
    'a weight that is too high',
    { ...instance, weights: { passing: 65_536, warning: 1 } },
    'invalid',
    'weights.passing',
  ],
  ['too many tags', { ...instance, tags: Array.from({ length: 257 }, String) }, 'too-large', 'tags'],
  [
    'too much metadata',
    { ...instance, metadata: labelsFrom({ a: 'x'.repeat(40_000), b: 'x'.repeat(30_000) }) },
    'too-large',
    'metadata',
  ],
  [
    'a bad port of a tagged address',
    { ...instance, taggedAddresses: { wan: { address: '', port: 70_000 } } },
    'invalid',
    'taggedAddresses.wan.port',
  ],
  ['an empty KV key', { ...kv, key: '' }, 'invalid', 'key'],
  ['a long KV key', { ...kv, key: 'k'.repeat(1501) }, 'too-large', 'key'],
  ['a large value', { ...kv, value: 'A'.repeat(limits.maxKvValueLength + 1) }, 'too-large', 'value'],
  ['flags that are no number', { ...kv, flags: '-1' }, 'invalid', 'flags'],
  ['flags past 64 bits', { ...kv, flags: '18446744073709551616' }, 'invalid', 'flags'],
  ['a lease without time', { kind: 'lease', id: 'l', ttlMs: 0, owner: 'n', origin }, 'invalid', 'ttlMs'],
  ['a lease for ever', { kind: 'lease', id: 'l', ttlMs: Infinity, owner: 'n', origin }, 'invalid', 'ttlMs'],
  ['a long output', { ...check, output: 'x'.repeat(65_537) }, 'too-large', 'output'],
  [
    'an empty service of a check',
    { ...check, instance: { namespace: 'default', service: '', id: 'x' } },
    'invalid',
    'instance.service',
  ],
];

for (const [title, record, code, path] of bad) {
  test(`${title} is refused as ${code} at ${path}`, () => {
    const fault = faultOf(record);
    assert.equal(fault?.code, code);
    assert.equal(fault.path, path);
    assert.ok(fault.message.startsWith(path), fault.message);
  });
}

test('what is no kind of record is refused', () => {
  assert.equal(faultOf({ ...kv, kind: 'pod' } as unknown as CatalogRecord)?.path, 'kind');
});

test('a check that replaces another is refused for what it changes', () => {
  const changed: CheckRecord = { ...check, output: 'x'.repeat(65_537) };
  assert.throws(() => checkRecord(changed, check), { code: 'too-large', path: 'output' });
  const unknown = { ...check, status: 'unknown' } as unknown as CheckRecord;
  assert.throws(() => checkRecord(unknown, check), { code: 'invalid', path: 'status' });
  const bearer = { namespace: 'default', service: '', id: 'x' };
  assert.throws(() => checkRecord({ ...check, instance: bearer }, check), { path: 'instance.service' });
});

test('no field of the wrong type gets in or throws anything but a fault', () => {
  const fields = [
    'namespace',
    'service',
    'node',
    'id',
    'address',
    'port',
    'tags',
    'metadata',
    'weights',
  ] as const;
  fc.assert(
    fc.property(fc.constantFrom(...fields), fc.anything(), (field, value) => {
      const fault = faultOf({ ...instance, [field]: value } as unknown as InstanceRecord);
      const wrong =
        field === 'tags' ? !Array.isArray(value) : typeof value !== typeof instance[field] || value === null;
      if (wrong) assert.equal(fault?.code, 'invalid');
    }),
  );
});
