import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { launchPortolan } from '@portolan/testkit/launch-portolan.ts';
import { requireProgram } from '@portolan/testkit/require-program.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { isWithin3Sigma } from './manifests-rig.ts';

// Real virtual addresses by the kernel's rules, in a network namespace of its own: the tests below run in a second process there.

const inside = process.env.PORTOLAN_NFT_NAMESPACE === 'own';
const range = '10.96.0.0/12';

async function inNamespace(t: TestContext): Promise<void> {
  const [unshare, nft, ip] = ['unshare', 'nft', 'ip'].map((name) => requireProgram(t, name));
  if (unshare === undefined || nft === undefined || ip === undefined) return;
  if (process.getuid?.() !== 0) {
    t.skip('a network namespace needs root');
    return;
  }
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const file = fileURLToPath(import.meta.url);
  await promisify(execFile)(unshare, ['--net', process.execPath, '--test', '--test-reporter=tap', file], {
    env: { ...env, PORTOLAN_NFT_NAMESPACE: 'own' },
    timeout: 50_000,
  }).catch((error: { stdout?: string; stderr?: string }) => {
    assert.fail(`${error.stdout ?? ''}${error.stderr ?? ''}`);
  });
}

/** A server at a port of 127.0.0.1 that says its name to whoever connects, and to whoever sends a datagram. */
async function instance(t: TestContext, name: string): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => undefined).end(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const socket = createSocket('udp4', (_message, from) => socket.send(name, from.port, from.address));
  await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    socket.close();
  });
  return port;
}

/** What is said there, else the error's code. */
function said(address: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, address).setEncoding('utf8');
    socket.on('data', (more: string) => {
      text += more;
    });
    socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => resolve(code));
    socket.on('end', () => resolve(text));
  });
}

function answered(address: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4', (message) => {
      socket.close();
      resolve(String(message));
    });
    socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
      socket.close();
      resolve(code);
    });
    socket.connect(port, address, () => socket.send('?'));
  });
}

async function tally(count: number, one: () => Promise<string>): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (let n = 0; n < count; n++) {
    const name = await one();
    found.set(name, (found.get(name) ?? 0) + 1);
  }
  return found;
}

async function throughRealAddresses(t: TestContext): Promise<void> {
  for (const command of [
    'link set lo up',
    'link add d0 type veth peer name d1',
    'addr add 10.1.0.1/24 dev d0',
    'link set d0 up',
    'link set d1 up',
    'route add default via 10.1.0.2',
  ]) {
    execFileSync('ip', command.split(' '));
  }
  const server = await launchPortolan({
    test: t,
    args: ['--gateway-workers', '1', '--cluster-ip-mode', 'nft', '--cluster-ip-range', range],
    listen: ['gateway=off'],
  });
  const put = async (path: string, body: object): Promise<unknown> => {
    const response = await fetch(`${server.url}${path}`, { method: 'PUT', body: JSON.stringify(body) });
    assert.ok(response.ok, await response.text());
    return undefined;
  };
  const register = (name: string, port: number): Promise<unknown> =>
    put('/v1/agent/service/register', {
      ID: `${name}-${port}`,
      Name: name,
      Address: '127.0.0.1',
      Port: port,
    });
  const address = async (name: string, more: object = {}): Promise<string> => {
    const at = `${server.url}/portolan/v1/resources/core/v1/services/default/${name}`;
    const ports = [
      { name: 'tcp', port: 80 },
      { name: 'udp', port: 80, protocol: 'UDP' },
    ];
    const manifest = { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports, ...more } };
    await put(new URL(at).pathname, manifest);
    const { spec } = (await (await fetch(at)).json()) as { spec: { clusterIP: string } };
    return spec.clusterIP;
  };
  const names = ['a', 'b', 'c'];
  const ports = await Promise.all(names.map((name) => instance(t, name)));

  await t.test('connections and datagrams are spread evenly', async () => {
    const web = await address('web');
    assert.match(web, /^10\.(9[6-9]|1[01]\d)\./);
    await waitUntil(async () => (await said(web, 80)) === 'ECONNREFUSED', {
      what: 'a service without endpoints to be refused',
    });
    assert.equal(await answered(web, 80), 'ECONNREFUSED');
    for (const port of ports) await register('web', port);
    await waitUntil(async () => (await tally(30, () => said(web, 80))).size === 3, { what: 'all three' });
    for (const one of [said, answered]) {
      const isFair = async (): Promise<boolean> => {
        const found = await tally(300, () => one(web, 80));
        assert.deepEqual([...found.keys()].sort(), names);
        return [...found.values()].every((hits) => isWithin3Sigma(hits, 300, 1 / 3));
      };
      // Of three shares one is outside 3σ one time in 150; not twice in a row.
      assert.ok((await isFair()) || (await isFair()));
    }
  });

  await t.test('who goes is not asked any more, and when all have gone it is refused', async () => {
    const web = await address('web');
    const leave = (port: number): Promise<unknown> => put(`/v1/agent/service/deregister/web-${port}`, {});
    await leave(ports[0] ?? 0);
    await waitUntil(async () => !(await tally(30, () => said(web, 80))).has('a'), { what: 'a to be gone' });
    assert.deepEqual([...(await tally(60, () => said(web, 80))).keys()].sort(), ['b', 'c']);
    await leave(ports[1] ?? 0);
    await leave(ports[2] ?? 0);
    await waitUntil(async () => (await said(web, 80)) === 'ECONNREFUSED', { what: 'nobody' });
    assert.equal(await said(web, 81), 'ECONNREFUSED', 'a port that it does not have');
    assert.equal(await said('10.111.255.254', 80), 'ECONNREFUSED', 'an address that nobody has');
  });

  await t.test('a source address keeps its endpoint', async () => {
    const sticky = await address('sticky', { sessionAffinity: 'ClientIP' });
    for (const port of ports) await register('sticky', port);
    await waitUntil(() => said(sticky, 80).then((name) => names.includes(name)), { what: 'an endpoint' });
    await waitUntil(() => loaded().includes('mod 3'), { what: 'all three' });
    assert.equal((await tally(30, () => said(sticky, 80))).size, 1);
  });

  await t.test('rules that somebody else flushed come back, and go with the server', async () => {
    const sticky = await address('sticky', { sessionAffinity: 'ClientIP' });
    execFileSync('nft', ['flush', 'ruleset']);
    await waitUntil(() => loaded() !== '', { what: 'the rules', timeoutMs: 15_000 });
    assert.ok(names.includes(await said(sticky, 80)));
    await server.stop();
    assert.equal(loaded(), '');
  });
}

function loaded(): string {
  return execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' });
}

if (inside) test('a server whose virtual addresses are rules of the kernel', throughRealAddresses);
else test('virtual addresses by nftables, in a network namespace of their own', inNamespace);
