import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import Consul from 'consul';
import { startPortolan } from './portolan-process.ts';

/** The unmodified npm client `consul` against the real server. */
async function startClient(t: TestContext): Promise<Consul> {
  const data = tempDir('consul-client');
  const server = await startPortolan(t, { dataDir: data.path });
  t.after(() => data.remove());
  const consul = new Consul({ host: '127.0.0.1', port: server.ports.http });
  t.after(() => consul.destroy());
  return consul;
}

/** A target for HTTP checks whose answer the test decides. */
async function startTarget(t: TestContext) {
  const target = { status: 200, port: 0 };
  const server = createServer((_request, response) => response.writeHead(target.status).end('looked'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => void server.close());
  target.port = (server.address() as AddressInfo).port;
  return target;
}

interface HealthItem {
  readonly Node: { readonly Node: string; readonly Datacenter: string };
  readonly Service: { readonly ID: string; readonly Port: number };
  readonly Checks: readonly { readonly CheckID: string; readonly Status: string; readonly Output: string }[];
}

async function passing(consul: Consul, service: string): Promise<readonly HealthItem[]> {
  return (await consul.health.service({ service, passing: true })) as unknown as readonly HealthItem[];
}

test('register with an HTTP check, see it pass, fail and pass again, deregister', async (t) => {
  const [consul, target] = [await startClient(t), await startTarget(t)];
  await consul.agent.service.register({
    name: 'web',
    id: 'web-1',
    address: '127.0.0.1',
    port: target.port,
    tags: ['v1', 'http'],
    meta: { version: 'v1' },
    check: { name: 'alive', http: `http://127.0.0.1:${target.port}/`, interval: '1s', timeout: '1s' },
  });
  const services = await consul.agent.service.list();
  assert.equal(services['web-1']?.Service, 'web');
  assert.deepEqual(services['web-1']?.Tags, ['v1', 'http']);
  const [item] = await waitUntil(async () => {
    const items = await passing(consul, 'web');
    return items.length === 1 ? items : undefined;
  });
  assert.equal(item?.Service.Port, target.port);
  assert.equal(item?.Node.Datacenter, 'dc1');
  target.status = 500;
  await waitUntil(async () => (await passing(consul, 'web')).length === 0, { what: 'the check to fail' });
  target.status = 200;
  await waitUntil(async () => (await passing(consul, 'web')).length === 1, { what: 'the check to pass' });
  await consul.agent.service.deregister('web-1');
  assert.deepEqual(await consul.agent.service.list(), {});
  assert.deepEqual(await consul.agent.check.list(), {});
});

test('a TTL check passes, warns, fails and expires', async (t) => {
  const consul = await startClient(t);
  await consul.agent.service.register({ name: 'job', check: { name: 'beat', ttl: '1s', timeout: '1s' } });
  const statusOf = async () => (await consul.agent.check.list())['service:job']?.Status;
  assert.equal(await statusOf(), 'critical');
  await consul.agent.check.warn({ id: 'service:job', note: 'slow' });
  assert.equal(await statusOf(), 'warning');
  await consul.agent.check.fail('service:job');
  assert.equal(await statusOf(), 'critical');
  await consul.agent.check.pass({ id: 'service:job', note: 'fine' });
  assert.equal((await passing(consul, 'job')).length, 1);
  await waitUntil(async () => (await statusOf()) === 'critical', { what: 'the TTL to expire' });
  // The client shows no text of more than 80 characters.
  await assert.rejects(consul.agent.check.pass('service:gone'), /not found/);
});

test('a watch is told each change, and no other', async (t) => {
  const consul = await startClient(t);
  const sizes: number[] = [];
  const watch = consul.watch({
    method: consul.health.service,
    options: { service: 'watched', wait: '60s' } as Record<string, string>,
    backoffFactor: 10,
  });
  watch.on('change', (items: readonly unknown[]) => sizes.push(items.length));
  const errors: unknown[] = [];
  watch.on('error', (error: unknown) => errors.push(error));
  await waitUntil(() => sizes.length === 1);
  await consul.agent.service.register({ name: 'watched', id: 'a' });
  await waitUntil(() => sizes.length === 2);
  await consul.agent.service.register({ name: 'unwatched' });
  await consul.kv.set('unwatched', 'x');
  await consul.agent.service.register({ name: 'watched', id: 'b' });
  await waitUntil(() => sizes.at(-1) === 2);
  watch.end();
  assert.deepEqual(sizes, [0, 1, 2]);
  assert.deepEqual(errors, []);
});

test('keys are set, got, listed, guarded and deleted', async (t) => {
  const { kv } = await startClient(t);
  assert.equal(await kv.get('app/none'), undefined);
  assert.equal(await kv.set('app/a', 'hello wörld'), true);
  const entry = (await kv.get('app/a')) ?? assert.fail();
  assert.equal(entry.Value, 'hello wörld');
  assert.equal(entry.Flags, 0);
  // The client gives undefined for `false`.
  assert.notEqual(await kv.set({ key: 'app/a', value: 'x', cas: 1 }), true);
  assert.equal((await kv.get('app/a'))?.ModifyIndex, entry.ModifyIndex);
  assert.equal(await kv.set({ key: 'app/a', value: 'x', cas: entry.ModifyIndex, flags: 42 }), true);
  assert.equal((await kv.get('app/a'))?.Flags, 42);
  assert.equal(await kv.set({ key: 'app/b/c', value: 'y', cas: 0 }), true);
  assert.deepEqual(await kv.keys('app/'), ['app/a', 'app/b/c']);
  assert.deepEqual(await kv.keys({ key: 'app/', separator: '/' }), ['app/a', 'app/b/']);
  const all = (await kv.get({ key: 'app/', recurse: true })) as unknown as readonly {
    readonly Key: string;
  }[];
  assert.deepEqual(
    all.map((item) => item.Key),
    ['app/a', 'app/b/c'],
  );
  assert.equal(String(await kv.get({ key: 'app/a', raw: true })), 'x');
  await kv.del('app/a');
  assert.equal(await kv.get('app/a'), undefined);
  await kv.del({ key: 'app/', recurse: true });
  await assert.rejects(kv.keys('app/'));
});

test('maintenance of a service and of the node', async (t) => {
  const consul = await startClient(t);
  await consul.agent.service.register({ name: 'web' });
  assert.equal((await passing(consul, 'web')).length, 1);
  await consul.agent.service.maintenance({ id: 'web', enable: true, reason: 'for a while' });
  assert.equal((await passing(consul, 'web')).length, 0);
  assert.equal((await consul.agent.check.list())['_service_maintenance:web']?.Notes, 'for a while');
  await consul.agent.service.maintenance({ id: 'web', enable: false });
  assert.equal((await passing(consul, 'web')).length, 1);
  await consul.agent.maintenance({ enable: true });
  assert.equal((await passing(consul, 'web')).length, 0);
  await consul.agent.maintenance({ enable: false });
  assert.equal((await passing(consul, 'web')).length, 1);
});

test('the catalog and the agent tell about themselves', async (t) => {
  const consul = await startClient(t);
  const self = await consul.agent.self();
  const name: string = self.Config.NodeName;
  assert.equal(self.Config.Datacenter, 'dc1');
  assert.deepEqual(await consul.catalog.datacenters(), ['dc1']);
  assert.match(await consul.status.leader(), /^127\.0\.0\.1:\d+$/);
  assert.equal((await consul.status.peers()).length, 1);
  assert.equal((await consul.agent.members())[0].Name, name);
  const nodes = (await consul.catalog.node.list()) as unknown as readonly { readonly Node: string }[];
  assert.deepEqual(
    nodes.map((node) => node.Node),
    [name],
  );
  const checks = (await consul.health.node(name)) as unknown as readonly { readonly CheckID: string }[];
  assert.deepEqual(
    checks.map((check) => check.CheckID),
    ['serfHealth'],
  );
  await consul.agent.service.register({ name: 'web', tags: ['a', 'b'] });
  const services = (await consul.catalog.service.list()) as unknown as Record<string, readonly string[]>;
  assert.deepEqual(services, { consul: [], web: ['a', 'b'] });
});
