import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { launchPortolan, type Portolan } from '@portolan/testkit/launch-portolan.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';

/** The whole server against those who may register, and against web pages. */
function start(t: TestContext, options: { dataDir?: string; args?: readonly string[] } = {}) {
  const { dataDir, args = [] } = options;
  const data = dataDir === undefined ? {} : { dataDir };
  return launchPortolan({ test: t, args: ['--gateway-workers', '1', ...args], ...data });
}

async function register(portolan: Portolan, definition: object): Promise<void> {
  const url = `${portolan.url}/v1/agent/service/register`;
  const answer = await fetch(url, { method: 'PUT', body: JSON.stringify(definition) });
  assert.equal(answer.status, 200, await answer.text());
}

function ask(port: number, headers: Readonly<Record<string, string>>, path = '/'): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get({ port, path, host: '127.0.0.1', headers, agent: false }, (response) => {
      response.on('error', reject).on('end', () => resolve(response.statusCode ?? 0));
      response.resume();
    });
    request.on('error', reject);
  });
}

interface Told {
  readonly code: string;
  readonly subject: string;
  readonly message: string;
}

async function diagnostics(portolan: Portolan): Promise<readonly Told[]> {
  const answer = await fetch(`${portolan.url}/portolan/v1/diagnostics`);
  return ((await answer.json()) as { diagnostics: Told[] }).diagnostics;
}

/** The diagnostic `code` about `subject`, as soon as it is there. */
function told(portolan: Portolan, code: string, subject: string): Promise<Told> {
  return waitUntil(async () =>
    (await diagnostics(portolan)).find((one) => one.code === code && one.subject === subject),
  );
}

test('the gateway carries nobody to metadata, to itself or to our other listeners', async (t) => {
  const portolan = await start(t);
  await register(portolan, { Name: 'meta', Address: '169.254.169.254', Port: 80, Tags: ['http'] });
  await register(portolan, { Name: 'short', Address: '2852039166', Port: 80, Tags: ['http'] });
  await told(portolan, 'denied-address', 'service/default/meta');
  await told(portolan, 'denied-address', 'service/default/short');
  for (const listener of ['gateway', 'http', 'proxy-admin']) {
    const Port = portolan.port(listener);
    await register(portolan, { Name: `own-${listener}`, Address: '127.0.0.1', Port, Tags: ['http'] });
    await told(portolan, 'own-listener-address', `service/default/own-${listener}`);
  }
  for (const name of ['meta', 'short', 'own-gateway', 'own-http', 'own-proxy-admin']) {
    assert.equal(await ask(portolan.port('gateway'), { host: `${name}.localhost` }), 503, name);
  }
});

test('a service gets no low port, none of ours, and not more than there are', async (t) => {
  const portolan = await start(t, { args: ['--gateway-max-tcp-listeners', '0'] });
  const own = portolan.port('dns');
  for (const Name of ['low-80', `dns-${own}`, 'one-40001']) {
    await register(portolan, { Name, Address: '127.0.0.1', Port: 9, Tags: ['tcp'] });
  }
  await told(portolan, 'tcp-port-denied', 'service/default/low-80');
  await told(portolan, 'tcp-port-reserved', `service/default/dns-${own}`);
  await told(portolan, 'tcp-listener-limit', 'service/default/one-40001');
  const listeners = (await (await fetch(`${portolan.url}/portolan/v1/listeners`)).json()) as {
    name: string;
  }[];
  assert.deepEqual(
    listeners.filter(({ name }) => name.startsWith('tcp-')),
    [],
  );
});

test('what the store holds is planned with the listeners of this start', async (t) => {
  const directory = tempDir('server');
  t.after(() => directory.remove());
  const first = await start(t, { dataDir: directory.path });
  const target = createServer().listen(0, '127.0.0.1');
  await once(target, 'listening');
  const { port } = target.address() as AddressInfo;
  await register(first, { Name: `later-${port}`, Address: '127.0.0.1', Port: port, Tags: ['tcp'] });
  await first.stop();
  target.close();
  await once(target, 'close');
  const args = ['--gateway-workers', '1'];
  const listen = [`dns=127.0.0.1:${port}`];
  const second = await launchPortolan({ test: t, dataDir: directory.path, args, listen });
  await told(second, 'tcp-port-reserved', `service/default/later-${port}`);
  await told(second, 'own-listener-address', `service/default/later-${port}`);
});

test('a port that another program has leaves the server ready, and is told', async (t) => {
  const blocker = createServer().listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  t.after(() => blocker.close());
  const { port } = blocker.address() as AddressInfo;
  const portolan = await start(t);
  await register(portolan, { Name: `taken-${port}`, Address: '127.0.0.1', Port: 9, Tags: ['tcp'] });
  const { message } = await told(portolan, 'tcp-port-unavailable', `listener/tcp-${port}`);
  assert.match(message, /EADDRINUSE/);
  assert.equal((await fetch(`${portolan.url}/readyz`)).status, 200);
  const admin = await fetch(`http://127.0.0.1:${portolan.port('proxy-admin')}/readyz?verbose`);
  assert.equal(admin.status, 200);
  assert.match(await admin.text(), /tcp-port-unavailable/);
});

test('a web page that has its name resolve to us reads nothing of the admin listener', async (t) => {
  const portolan = await start(t);
  const port = portolan.port('proxy-admin');
  assert.equal(await ask(port, { host: 'evil.example' }, '/config_dump'), 403);
  assert.equal(await ask(port, { host: `localhost:${port}` }, '/config_dump'), 200);
});

test('a client that sends 30 MB reads that it is too much', async (t) => {
  const portolan = await start(t);
  const body = new Uint8Array(30_000_000);
  for (const path of ['/v1/kv/big', '/v1/agent/service/register', '/portolan/v1/kv/big']) {
    const answer = await fetch(portolan.url + path, { method: 'PUT', body });
    assert.equal(answer.status, 413, path);
    await answer.text();
  }
});
