import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FlagValues } from './flags.ts';
import { resolveSettings } from './resolve.ts';
import { parseSettingsFile } from './settings-file.ts';

const machine = { hostName: 'h', cores: 1 };
const resolve = (flags: FlagValues, yaml = '') =>
  resolveSettings({ flags, env: {}, file: parseSettingsFile('portolan.yaml', yaml), machine }).docker;

test('docker is off unless an engine is named', () => {
  assert.equal(resolve({}), undefined);
  assert.equal(resolve({ docker: 'off' }, 'docker:\n  host: unix:///x\n'), undefined);
  assert.deepEqual(resolve({ docker: 'unix:///var/run/docker.sock' }), {
    engine: { kind: 'unix', path: '/var/run/docker.sock' },
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
  const docker = resolve({}, yaml);
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
