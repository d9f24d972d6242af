import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import {
  controlSocketPath,
  readGatewayFile,
  removeGatewayFile,
  wasKilled,
  writeGatewayFile,
} from './gateway-file.ts';
import { type GatewaySettings, sameSettings, settledSettings } from './settings.ts';

const settings: GatewaySettings = {
  ...{ version: '1.0.0', stateDir: '/state', workers: 2, adminHosts: ['n1'], accessLog: 'off' },
  ...{
    accessLogFormat: 'json',
    tracing: undefined,
    trustedPeers: [],
    drainTimeoutMs: 10_000,
    outliveMs: 900_000,
  },
  http: { address: '127.0.0.1', port: 0 },
  tls: undefined,
  admin: { address: '127.0.0.1', port: 9_901 },
  log: { level: 'info', format: 'auto' },
};

test('a gateway that runs is kept for the same settings, whatever the log, and where any port will do', () => {
  const running = settledSettings(settings, [
    { name: 'gateway', address: '127.0.0.1', port: 40_001, protocols: ['http'] },
    { name: 'proxy-admin', address: '127.0.0.1', port: 9_901, protocols: ['http'] },
  ]);
  assert.equal(running.http?.port, 40_001);
  assert.ok(sameSettings(running, settings));
  assert.ok(sameSettings(running, { ...settings, log: { level: 'debug', format: 'json' } }));
  assert.ok(sameSettings(running, JSON.parse(JSON.stringify(running)) as GatewaySettings));
  const others: Partial<GatewaySettings>[] = [
    { version: '1.0.1' },
    { workers: 3 },
    { http: { address: '127.0.0.1', port: 80 } },
    { tls: { address: '127.0.0.1', port: 0 } },
    { admin: undefined },
    { outliveMs: undefined },
    { tracing: { url: 'http://127.0.0.1:4318', ratio: 1 } },
  ];
  for (const other of others) {
    assert.equal(sameSettings(running, { ...settings, ...other }), false, JSON.stringify(other));
  }
});

test('the file names one process, and only that takes it away', (t) => {
  const directory = tempDir('gateway-file');
  t.after(() => directory.remove());
  assert.equal(readGatewayFile(directory.path), undefined);
  writeGatewayFile(directory.path, { pid: process.pid, socket: '/s' });
  assert.equal(statSync(join(directory.path, 'gateway.json')).mode & 0o777, 0o600);
  removeGatewayFile(directory.path, process.pid + 1);
  assert.deepEqual(readGatewayFile(directory.path), { pid: process.pid, socket: '/s' });
  assert.equal(wasKilled(directory.path), false);
  removeGatewayFile(directory.path, process.pid);
  assert.equal(existsSync(join(directory.path, 'gateway.json')), false);
});

test('a directory with a long path has its socket elsewhere, where it can be bound', async (t) => {
  const directory = tempDir('gateway-file');
  t.after(() => directory.remove());
  assert.equal(controlSocketPath('/state', 7), '/state/gateway-7.sock');
  const path = controlSocketPath(join(directory.path, 'x'.repeat(120)), process.pid);
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  await new Promise((resolve) => server.close(resolve));
});
