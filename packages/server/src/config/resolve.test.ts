import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@portolan/core/base/fault.ts';
import fc from 'fast-check';
import { type FlagValues, settingInfos } from './flags.ts';
import { resolveSettings } from './resolve.ts';
import { schemas } from './schemas.ts';
import type { Settings } from './settings.ts';
import { parseSettingsFile } from './settings-file.ts';

function resolve(
  given: { flags?: FlagValues; env?: Record<string, string>; yaml?: string; cores?: number } = {},
): Settings {
  return resolveSettings({
    flags: given.flags ?? {},
    env: given.env ?? {},
    file: given.yaml === undefined ? undefined : parseSettingsFile('portolan.yaml', given.yaml),
    machine: { hostName: 'my_host.example', cores: given.cores ?? 2 },
  });
}

function problems(given: Parameters<typeof resolve>[0]): string[] {
  try {
    resolve(given);
  } catch (thrown) {
    assert.ok(thrown instanceof Fault);
    assert.equal(thrown.code, 'invalid');
    return thrown.message.split('\n');
  }
  assert.fail('it was accepted');
}

test('with nothing given, the defaults hold', () => {
  const settings = resolve();
  assert.deepEqual(settings.listeners.http, { address: '127.0.0.1', port: 8500 });
  assert.deepEqual(settings.listeners['proxy-admin'], { address: '127.0.0.1', port: 9901 });
  assert.equal(settings.node, 'my-host.example');
  assert.equal(settings.dataDir, './portolan-data');
  assert.equal(settings.store, 'lmdb');
  assert.equal(settings.storeReserveBytes, 8 * 1024 * 1024);
  assert.equal(settings.drainTimeoutMs, 10_000);
  assert.equal(settings.gateway.workers, 2);
  assert.equal(settings.origins.node.from, 'default');
});

test('workers: one per core, at most four', () => {
  assert.equal(resolve({ cores: 32 }).gateway.workers, 4);
  assert.equal(resolve({ cores: 1 }).gateway.workers, 1);
});

test('a flag beats a variable, a variable beats the file, and each value knows where it came from', () => {
  const yaml = 'node: from-file\ndatacenter: from-file\ngateway:\n  domain: File.Example.\n';
  const env = { PORTOLAN_NODE: 'from-variable', PORTOLAN_DATACENTER: 'from-variable' };
  const settings = resolve({ flags: { node: 'from-flag' }, env, yaml });
  assert.equal(settings.node, 'from-flag');
  assert.equal(settings.datacenter, 'from-variable');
  assert.equal(settings.gateway.domain, 'file.example');
  assert.equal(settings.origins.node.place, '--node');
  assert.equal(settings.origins.datacenter.place, 'PORTOLAN_DATACENTER');
  assert.deepEqual(settings.origins['gateway.domain'], {
    from: 'file',
    place: 'portolan.yaml:4:3',
    given: 'File.Example.',
  });
});

test('listeners move, turn off and take IPv6 addresses, from any of the three', () => {
  const settings = resolve({
    flags: { listen: ['http=[::1]:0', 'proxy-admin=off'] },
    env: { PORTOLAN_LISTEN_DNS: '127.0.0.2:53' },
    yaml: 'listen:\n  gateway: off\n  http: 127.0.0.1:1\n',
  });
  assert.deepEqual(settings.listeners, {
    http: { address: '::1', port: 0 },
    dns: { address: '127.0.0.2', port: 53 },
    gateway: undefined,
    'gateway-tls': undefined,
    'proxy-admin': undefined,
  });
});

test('the HTTPS door goes with the HTTP door, unless it is told otherwise', () => {
  const doorOf = (...listen: readonly string[]) => resolve({ flags: { listen } }).listeners['gateway-tls'];
  assert.deepEqual(doorOf(), { address: '127.0.0.1', port: 8_443 });
  assert.deepEqual(doorOf('gateway=127.0.0.1:0'), { address: '127.0.0.1', port: 0 });
  assert.equal(doorOf('gateway=off'), undefined);
  assert.deepEqual(doorOf('gateway=off', 'gateway-tls=127.0.0.1:1'), { address: '127.0.0.1', port: 1 });
});

test('every problem is named with its place, its key and a way out', () => {
  const yaml = 'nod: x\ngateway:\n  wrokers: 2\n  workers: many\nlog:\n  level: loud\nstore:\n';
  const found = problems({ yaml });
  assert.deepEqual(found, [
    'portolan.yaml:1:1: nod is not a setting; did you mean node?',
    'portolan.yaml:3:3: gateway.wrokers is not a setting; did you mean gateway.workers?',
    'portolan.yaml:7:1: store has no value: write one, or take the line out',
    'portolan.yaml:6:3: log.level must be one of fatal, error, warn, info, debug, trace, not "loud"',
    'portolan.yaml:4:3: gateway.workers must be a whole number from 1 to 64, not "many"',
  ]);
});

test('bad flags are named as they were written', () => {
  assert.deepEqual(problems({ flags: { listen: ['htp=127.0.0.1:1', 'dns', 'http=off', 'http=off'] } }), [
    '--listen: there is no listener "htp"; did you mean http?',
    '--listen: must be NAME=ADDR:PORT or NAME=off, not "dns"',
    '--listen: http is given twice: give it once',
  ]);
  assert.match(problems({ flags: { store: 'etcd://localhost:2379' } })[0] ?? '', /etcd .*does not exist yet/);
  assert.match(problems({ flags: { nodes: 'x' } })[0] ?? '', /^--nodes: .*did you mean node\?$/);
  assert.match(
    problems({ flags: { listen: ['http=::1:8500'] } })[0] ?? '',
    /IPv6 address goes in brackets|ADDR:PORT/,
  );
  assert.match(problems({ flags: { listen: ['http=127.0.0.1:65536'] } })[0] ?? '', /from 0 to 65535/);
  assert.match(problems({ flags: { listen: ['http=example.org:80'] } })[0] ?? '', /an IP address to bind/);
});

test('a reachable address without access control is refused unless it is meant', () => {
  for (const address of ['0.0.0.0', '[::]', '10.0.0.1', '[2001:db8::1]']) {
    const flags = { listen: [`gateway=${address}:80`] };
    assert.match(problems({ flags })[0] ?? '', /^--listen: listen\.gateway would bind .*--allow-anonymous/);
    const meant = resolve({ flags: { ...flags, 'allow-anonymous': true } });
    assert.equal(meant.listeners.gateway?.port, 80);
  }
});

test('two listeners on one port are refused, port 0 is not', () => {
  assert.match(
    problems({ flags: { listen: ['http=127.0.0.1:9', 'dns=127.0.0.1:9'] } })[0] ?? '',
    /cannot both be/,
  );
  resolve({ flags: { listen: ['http=127.0.0.1:0', 'dns=127.0.0.1:0'] } });
});

test('the gateway needs the http listener', () => {
  assert.match(
    problems({ flags: { listen: ['http=off'] } })[0] ?? '',
    /^--listen: listen\.http cannot be off/,
  );
  resolve({ flags: { listen: ['http=off', 'gateway=off'] } });
});

test('durations and sizes', () => {
  const drain = (text: string) => resolve({ yaml: `drain-timeout: ${text}` }).drainTimeoutMs;
  assert.equal(drain('1m30s'), 90_000);
  assert.equal(drain('250ms'), 250);
  assert.equal(drain('0'), 0);
  assert.match(problems({ yaml: 'drain-timeout: 10' })[0] ?? '', /must be a duration such as 10s/);
  assert.match(problems({ yaml: 'drain-timeout: 100d' })[0] ?? '', /must be between/);
  const reserve = (text: string) => resolve({ env: { PORTOLAN_STORE_RESERVE: text } }).storeReserveBytes;
  assert.equal(reserve('1.5KiB'), 1536);
  assert.equal(reserve('2MB'), 2_000_000);
  assert.equal(reserve('12'), 12);
  assert.match(problems({ yaml: 'store-reserve: 1 potato' })[0] ?? '', /must be a size such as 64MiB/);
});

test('YAML that cannot be read is told with line and column', () => {
  assert.match(problems({ yaml: 'node: [a\nb: c' })[0] ?? '', /^portolan\.yaml:\d+:\d+: /);
  assert.match(problems({ yaml: '- a\n- b\n' })[0] ?? '', /^portolan\.yaml:1:1: must be a mapping/);
  assert.match(problems({ yaml: 'node: a\nnode: b\n' })[0] ?? '', /^portolan\.yaml:2:1: .*unique/i);
  assert.match(problems({ yaml: 'node: {a: b}\n' })[0] ?? '', /node\.a is not a setting/);
  assert.match(problems({ yaml: 'node: [a, b]\n' })[0] ?? '', /node must be one plain value/);
  assert.match(
    problems({ yaml: '__proto__: 1\n' })[0] ?? '',
    /^portolan\.yaml:1:1: __proto__ is not a setting/,
  );
  resolve({ yaml: '' });
  resolve({ yaml: '# only a comment\n' });
  resolve({ yaml: '{"node": "json-is-yaml"}' });
});

test('a variable that is nearly one of ours is a warning, others are not ours to judge', () => {
  const { warnings } = resolve({ env: { PORTOLAN_DATA_DRI: 'x', PORTOLAN_SERVICE_HOST: '10.0.0.1' } });
  assert.deepEqual(warnings, ['PORTOLAN_DATA_DRI is not read; did you mean PORTOLAN_DATA_DIR?']);
});

test('whatever a file holds, it is settings or one fault', () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom(...settingInfos.map((info) => info.key)), (text, key) => {
      try {
        resolve({
          yaml: text,
          flags: key.startsWith('listen.') ? { listen: [text] } : { [key.replace('.', '-')]: text },
        });
      } catch (thrown) {
        assert.ok(thrown instanceof Fault, String(thrown));
      }
    }),
    { numRuns: 500 },
  );
});

test('the list of settings and their validators name the same keys', () => {
  assert.deepEqual(settingInfos.map((info) => info.key).sort(), Object.keys(schemas).sort());
});

test('ranges and single TTLs are read, and refused with their place', () => {
  const settings = resolve({
    flags: { 'gateway-trusted-peers': '10.0.0.0/8, 192.0.2.1', 'dns-service-ttl': 'web=5s,*=1m' },
  });
  assert.deepEqual(settings.gateway.trustedPeers, ['10.0.0.0/8', '192.0.2.1/32']);
  assert.deepEqual(
    [...settings.dns.serviceTtlSeconds],
    [
      ['web', 5],
      ['*', 60],
    ],
  );
  const [range, ttl] = problems({
    flags: { 'gateway-trusted-peers': 'nonsense', 'dns-service-ttl': 'web=soon' },
  });
  assert.match(`${range}\n${ttl}`, /--gateway-trusted-peers: .*such as 10\.0\.0\.0\/8, not "nonsense"/);
  assert.match(`${range}\n${ttl}`, /--dns-service-ttl: .*NAME=10s for single services, not "web=soon"/);
});
