import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@portolan/core/base/fault.ts';
import { defaultNamespace } from '@portolan/core/catalog/records.ts';
import fc from 'fast-check';
import { Fields, parseJson } from './fields.ts';
import { agentOrigin } from './self.ts';
import { testIdentity } from './test-server.fixture.ts';
import { wireAgentService } from './translate-answer.ts';
import { readCatalogRegistration } from './translate-catalog.ts';
import { readServiceRegistration } from './translate-service.ts';

const registrant = { node: 'node-1', origin: agentOrigin(testIdentity) };

function registration(body: unknown) {
  return readServiceRegistration(new Fields(body), registrant);
}

/** Whatever JSON there is, but often with the names that mean something. */
const names = [
  'Name',
  'ID',
  'Port',
  'Tags',
  'Meta',
  'Check',
  'Checks',
  'Weights',
  'TaggedAddresses',
  'Address',
  'TTL',
];
const others = [
  'HTTP',
  'Interval',
  'Header',
  'Status',
  'Node',
  'Service',
  'ServiceID',
  '__proto__',
  'constructor',
];
const key = fc.oneof(fc.constantFrom(...names, ...others), fc.string());
const { value: anything } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('10s', 'passing', 'http://x/', '127.0.0.1:80', '', null, true),
    fc.string(),
    fc.double(),
    fc.integer({ min: -10, max: 70_000 }),
    fc.array(tie('value'), { maxLength: 4 }),
    tie('object'),
  ),
  object: fc.dictionary(key, tie('value'), { maxKeys: 8 }),
}));

test('no body throws anything but an invalid fault, or changes a prototype', () => {
  fc.assert(
    fc.property(anything, (body) => {
      const parsed = parseJson(JSON.stringify(body));
      for (const read of [
        registration,
        (it: unknown) => readCatalogRegistration(new Fields(it), 'dc1', registrant.origin),
      ]) {
        try {
          read(parsed);
        } catch (error) {
          assert.ok(error instanceof Fault, String(error));
          assert.ok(error.code === 'invalid' || error.code === 'too-large', error.code);
        }
      }
      assert.deepEqual(Object.keys(Object.prototype), []);
    }),
    { numRuns: 2_000 },
  );
});

const service = fc.record({
  ID: fc.string({ minLength: 1 }),
  Name: fc.string({ minLength: 1 }),
  Tags: fc.array(fc.string()),
  Address: fc.constantFrom('', '10.0.0.1', 'fd00::1', 'host.example'),
  Port: fc.integer({ min: 0, max: 65_535 }),
  Meta: fc.dictionary(fc.string({ minLength: 1 }), fc.string(), { maxKeys: 5 }),
  EnableTagOverride: fc.boolean(),
  Weights: fc.record({
    Passing: fc.integer({ min: 1, max: 65_535 }),
    Warning: fc.integer({ min: 0, max: 65_535 }),
  }),
});

test('what a client registered is what the agent shows', () => {
  fc.assert(
    fc.property(service, (given) => {
      const shown = wireAgentService(registration(parseJson(JSON.stringify(given))).instance, 'dc1');
      const { Name, ...rest } = given;
      assert.equal(shown.Service, Name);
      for (const [field, value] of Object.entries(rest)) {
        assert.equal(JSON.stringify(shown[field]), JSON.stringify(value), field);
      }
    }),
  );
});

test('a registration becomes these records', () => {
  const { instance, checks } = registration({
    Name: 'web',
    Port: 80,
    Kind: 'typical',
    Check: {
      HTTP: 'https://x/health',
      Method: 'HEAD',
      Header: { A: ['b', 'c'] },
      Interval: '500ms',
      TLSSkipVerify: true,
      Body: 'x',
    },
  });
  assert.equal(instance.namespace, defaultNamespace);
  assert.equal(instance.id, 'web');
  assert.deepEqual(instance.extra?.['consul.Kind'], 'typical');
  const [check] = checks;
  assert.equal(check?.id, 'service:web');
  assert.equal(check?.status, 'critical');
  assert.deepEqual(check?.instance, { namespace: 'default', service: 'web', id: 'web' });
  const { probe, ...timing } = check?.definition ?? assert.fail();
  assert.deepEqual(timing, {
    intervalMs: 1_000,
    timeoutMs: 10_000,
    successBeforePassing: 0,
    failuresBeforeWarning: 0,
    failuresBeforeCritical: 0,
    deregisterAfterMs: 0,
  });
  assert.equal(probe.type, 'http');
  assert.deepEqual(JSON.parse(JSON.stringify(probe)), {
    type: 'http',
    url: 'https://x/health',
    method: 'HEAD',
    headers: { A: ['b', 'c'] },
    body: 'x',
    tlsServerName: '',
    tlsSkipVerify: true,
  });
});

test('an empty check is none, and a number is a duration in nanoseconds', () => {
  assert.equal(registration({ Name: 'x', Check: {} }).checks.length, 0);
  assert.equal(registration({ Name: 'x', Check: { Notes: 'n', Status: '' } }).checks.length, 0);
  const [check] = registration({
    Name: 'x',
    Check: { TTL: 30e9, DeregisterCriticalServiceAfter: '10s' },
  }).checks;
  assert.deepEqual(check?.definition?.probe, { type: 'ttl', ttlMs: 30_000 });
  assert.equal(check?.definition?.deregisterAfterMs, 60_000);
});

test('a service has at most 64 checks and 64 pairs of metadata', () => {
  const Checks = Array.from({ length: 65 }, () => ({ TTL: '10s' }));
  assert.throws(() => registration({ Name: 'x', Checks }), /at most 64 checks/);
  const Meta = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`k${index}`, 'v']));
  assert.throws(() => registration({ Name: 'x', Meta }), /more than 64/);
});

test('what cannot be an address, or can be reached by nobody, is refused and named', () => {
  const refused: readonly (readonly [object, RegExp])[] = [
    [{ Address: 'not an address!' }, /^Invalid address: Address must be an IP address or a host name/],
    [{ Address: '10.0.0.1:80' }, /Invalid address/],
    [{ TaggedAddresses: { lan: { Address: 'a b' } } }, /TaggedAddresses.*Address must be/],
    [{ Kind: 'connect-proxy' }, /DestinationServiceName must be non-empty/],
    [{ Kind: 'connect-proxy', Proxy: {} }, /DestinationServiceName must be non-empty/],
    [{ Kind: 'connect-proxy', Proxy: { DestinationServiceName: 'x' } }, /Port or SocketPath must be set/],
    [{ Check: { GRPC: 'a b:80', Interval: '1s' } }, /must be host:port/],
    [{ Check: { GRPC: '127.0.0.1: 80', Interval: '1s' } }, /must be host:port/],
    [{ Check: { GRPC: '127.0.0.1:80/a b', Interval: '1s' } }, /without spaces/],
    [{ Check: { TCP: '127.0.0.1:0x50', Interval: '1s' } }, /must be host:port/],
    [{ Checks: Array.from({ length: 65 }, () => ({ TTL: '1s' })) }, /at most 64 checks/],
  ];
  for (const [more, message] of refused) {
    assert.throws(
      () => registration({ Name: 'web', ...more }),
      (fault: unknown) => fault instanceof Fault && fault.code === 'invalid' && message.test(fault.message),
      JSON.stringify(more),
    );
  }
  const proxy = { Kind: 'connect-proxy', Port: 1, Proxy: { DestinationServiceName: 'x' } };
  for (const Address of ['db.internal', 'my_host', '10.0.0.1', 'fd00::1', 'x.', '']) {
    assert.equal(registration({ Name: 'web', Address, ...proxy }).instance.address, Address);
  }
  const grpc = registration({ Name: 'web', Check: { GRPC: '[::1]:50051/a.B', Interval: '1s' } });
  assert.equal(grpc.checks[0]?.definition?.probe.type, 'grpc');
});
