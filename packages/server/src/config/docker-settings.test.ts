import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FlagValues } from './flags.ts';
import { resolveSettings } from './resolve.ts';
import { parseSettingsFile } from './settings-file.ts';

const machine = { hostName: 'h', cores: 1 };
const resolve = (flags: FlagValues, yaml = '') =>
  resolveSettings({ flags, env: {}, file: parseSettingsFile('portolan.yaml', yaml), machine }).docker;

test('docker is off unless an engine is named', () => {
  assert.deepEqual(resolve({}), []);
  assert.deepEqual(resolve({ docker: 'off' }, 'docker:\n  host: unix:///x\n'), []);
  const [docker] = resolve({ docker: 'unix:///var/run/docker.sock' });
  assert.deepEqual(docker, {
    engine: { kind: 'unix', path: '/var/run/docker.sock' },
    others: new Set(),
    ip: undefined,
    internal: false,
    explicit: false,
    tags: '',
    ipFromLabel: '',
    ttlMs: 0,
    deregister: 'always',
    resyncMs: 300_000,
  });
});

test('the docker section of the file', () => {
  const yaml =
    'docker:\n  host: tcp://127.0.0.1:2375\n  ip: 192.0.2.1\n  internal: true\n  ttl: 1m\n  deregister: on-success\n';
  const [docker] = resolve({}, yaml);
  assert.deepEqual(docker?.engine, { kind: 'tcp', host: '127.0.0.1', port: 2375 });
  assert.deepEqual(
    [docker?.ip, docker?.internal, docker?.ttlMs, docker?.deregister],
    ['192.0.2.1', true, 60_000, 'on-success'],
  );
});

test('docker settings that make no sense are refused with what to write', () => {
  assert.throws(() => resolve({ docker: '/var/run/docker.sock' }), /--docker: docker\.host must be unix:/);
  assert.throws(() => resolve({ 'docker-ip': 'host' }), /docker\.ip must be an IP address, not "host"/);
  assert.throws(() => resolve({ 'docker-ttl': '1s' }), /docker\.ttl must be 0, or at least 5s/);
  assert.throws(
    () => resolve({ 'docker-deregister': 'never' }),
    /docker\.deregister must be one of always, on-success/,
  );
});

test('several engines, each with its own address and certificates', () => {
  const yaml = `docker:
  host: tcp://10.0.0.1
  cert-path: /certs/a
  ip: 192.0.2.1
  engines:
    - unix:///var/run/docker.sock
    - host: tcp://10.0.0.2
      ip: 192.0.2.2
      cert-path: /certs/b
    - host: tcp://10.0.0.3
    - unix:///var/run/docker.sock
`;
  const configs = resolve({}, yaml);
  assert.deepEqual(
    configs.map(({ engine, ip }) => [engine, ip]),
    [
      [{ kind: 'tcp', host: '10.0.0.1', port: 2376, certPath: '/certs/a' }, '192.0.2.1'],
      [{ kind: 'unix', path: '/var/run/docker.sock' }, '192.0.2.1'],
      [{ kind: 'tcp', host: '10.0.0.2', port: 2376, certPath: '/certs/b' }, '192.0.2.2'],
      [{ kind: 'tcp', host: '10.0.0.3', port: 2375 }, '192.0.2.1'],
    ],
  );
  assert.deepEqual(
    [...(configs[1]?.others ?? [])],
    ['tcp://10.0.0.1:2376', 'tcp://10.0.0.2:2376', 'tcp://10.0.0.3:2375'],
  );
  assert.equal(resolve({ 'docker-engines': 'unix:///a, unix:///b' }).length, 2);
});

test('an engine in the list that makes no sense is refused with its place', () => {
  const refused = (entry: string, problem: RegExp) =>
    assert.throws(() => resolve({}, `docker:\n  engines:\n    - ${entry}\n`), problem);
  refused('http://x', /portolan\.yaml:2:3: docker\.engines must be unix:/);
  refused('{ host: "unix:///a", ip: here }', /docker\.engines .*(IP address|mapping of host)/);
  refused('{ host: "unix:///a", port: 1 }', /docker\.engines .*(port|mapping of host)/);
  refused('7', /docker\.engines/);
});
