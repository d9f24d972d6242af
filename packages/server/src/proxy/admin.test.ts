import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Fault } from '@portolan/core/base/fault.ts';
import { pino } from 'pino';
import { createListenerRegistry } from '../listeners.ts';
import { adminServer } from './admin.ts';
import type { AdminCommands } from './config.ts';
import type { GatewayView } from './gateway.ts';
import { modelOf } from './testdata/plane-rig.ts';
import type { RequestWatcher } from './worker-fleet.ts';

/** An admin listener over a gateway that a test moves. */
async function admin(t: TestContext, address = '127.0.0.1') {
  const watchers = new Set<RequestWatcher>();
  const asked: unknown[] = [];
  const view: GatewayView = {
    problems: () => [],
    diagnostics: () => [],
    model: () => modelOf({}),
    reports: async () => [],
    watchRequests(watcher) {
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
  };
  const commands: AdminCommands = {
    setLogLevel(level) {
      if (level !== 'debug') throw new Fault('invalid', 'level: must be one of debug');
      asked.push(level);
    },
    reload: () => void asked.push('reload'),
    drain: (graceMs) => void asked.push(graceMs),
  };
  const server = await adminServer(
    view,
    { address, port: 0 },
    {
      ...{ log: pino({ level: 'silent' }), listeners: createListenerRegistry(), hostNames: [] },
      ...{ inherited: undefined, commands },
    },
  );
  t.after(() => server.close());
  const call = (method: string, path: string, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${server.bind.port}${path}`, { method, headers });
  return { call, asked, watchers };
}

test('commands are taken on a loopback listener, and no web page may give them', async (t) => {
  const { call, asked } = await admin(t);
  assert.equal((await call('PUT', '/log-level?level=debug')).status, 200);
  const loud = await call('PUT', '/log-level?level=loud');
  assert.deepEqual([loud.status, await loud.text()], [400, 'level: must be one of debug\n']);
  assert.equal((await call('POST', '/reload')).status, 202);
  assert.equal((await call('POST', '/drain?grace=3s')).status, 202);
  assert.equal((await call('POST', '/reload', { origin: 'http://evil.example' })).status, 403);
  assert.equal((await call('POST', '/metrics')).status, 405);
  assert.deepEqual(asked, ['debug', 'reload', 3_000]);
});

test('a listener that others can reach is only read', async (t) => {
  const { call, asked } = await admin(t, '0.0.0.0');
  assert.equal((await call('GET', '/readyz')).status, 200);
  const refused = await call('POST', '/drain');
  assert.deepEqual([refused.status, asked], [403, []]);
});

test('requests are shown as they end, for as long as was asked, and nobody watches afterwards', async (t) => {
  const { call, watchers } = await admin(t);
  const response = await call('GET', '/requests?seconds=1');
  assert.equal(response.headers.get('content-type'), 'application/x-ndjson');
  assert.equal(watchers.size, 1);
  for (const watcher of watchers) watcher(['{"path":"/a"}', '{"path":"/b"}']);
  assert.equal(await response.text(), '{"path":"/a"}\n{"path":"/b"}\n');
  assert.equal(watchers.size, 0);
});

test('the first page names all others', async (t) => {
  const { call } = await admin(t);
  const pages = [...(await (await call('GET', '/')).text()).matchAll(/^\/\S+/gm)].map(([path]) => path);
  assert.ok(pages.length > 6);
  for (const path of pages) assert.equal((await call('GET', `${path}?seconds=0`)).status, 200, path);
});
