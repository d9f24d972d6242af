import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { launchPortolan } from '@portolan/testkit/launch-portolan.ts';
import { launchProgram } from '@portolan/testkit/launch-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';

const run = promisify(execFile);
const portolan = fileURLToPath(new URL('../packages/cli/bin/portolan.mjs', import.meta.url));

async function register(url: string, id: string, port: number): Promise<void> {
  const body = JSON.stringify({ ID: id, Name: 'mysql', Port: port, Address: '10.0.0.1' });
  const response = await fetch(`${url}/v1/agent/service/register`, { method: 'PUT', body });
  assert.equal(response.status, 200);
}

test('portolan env prints what a shell can take, and exec hands it to a program', async (t) => {
  const server = await launchPortolan({ test: t, args: ['--store', 'memory'] });
  await register(server.url, 'm1', 3306);
  const env = await run(process.execPath, [portolan, 'env', '--service', 'mysql', '--server', server.url]);
  assert.match(env.stdout, /^MYSQL_SERVICE_HOST=10\.0\.0\.1$/m);
  assert.match(env.stdout, /^MYSQL_PORT_3306_TCP_ADDR=10\.0\.0\.1$/m);
  const program = ['--', 'sh', '-c', 'echo $MYSQL_SERVICE_HOST:$MYSQL_SERVICE_PORT; exit 7'];
  const ended = await run(process.execPath, [
    portolan,
    'exec',
    '--server',
    server.url,
    '--service',
    'mysql',
    ...program,
  ]).catch((error: { code: number; stdout: string }) => error);
  assert.deepEqual('code' in ended ? [ended.code, ended.stdout] : [], [7, '10.0.0.1:3306\n']);
});

test("a namespace's services by their manifests, as the kubelet gives them", async (t) => {
  const server = await launchPortolan({ test: t, args: ['--store', 'memory'] });
  await register(server.url, 'm1', 3306);
  const service = (name: string, namespace: string, spec: object): string =>
    JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec });
  const ports = [
    { name: 'http', port: 80 },
    { name: 'admin', port: 9000 },
  ];
  const body = [
    service('web', 'default', { clusterIP: '127.96.0.80', ports }),
    service('headless', 'default', { clusterIP: 'None', ports }),
    service('cart', 'shop', { clusterIP: '127.96.0.81', ports: [{ port: 8080 }] }),
  ].join('\n---\n');
  const applied = await fetch(`${server.url}/portolan/v1/apply`, { method: 'POST', body });
  assert.equal(applied.status, 200);
  const env = (...args: readonly string[]) =>
    run(process.execPath, [portolan, ...args], { env: { ...process.env, PORTOLAN_SERVER: server.url } });
  const { stdout } = await env('env', '-n', 'default');
  for (const line of [
    ...['WEB_SERVICE_HOST=127.96.0.80', 'WEB_SERVICE_PORT=80', 'WEB_SERVICE_PORT_ADMIN=9000'],
    ...['WEB_PORT=tcp://127.96.0.80:80', 'WEB_PORT_9000_TCP_ADDR=127.96.0.80', 'MYSQL_SERVICE_HOST=10.0.0.1'],
  ]) {
    assert.ok(stdout.split('\n').includes(line), `${line}\n${stdout}`);
  }
  assert.doesNotMatch(stdout, /HEADLESS|CART/);
  const shop = await env('env', '-n', 'shop');
  assert.match(shop.stdout, /^CART_SERVICE_HOST=127\.96\.0\.81\n/);
  assert.doesNotMatch(shop.stdout, /MYSQL|WEB/);
  const ended = await env(
    'exec',
    '-n',
    'shop',
    '--',
    'sh',
    '-c',
    'echo $CART_SERVICE_HOST:$CART_SERVICE_PORT',
  );
  assert.equal(ended.stdout, '127.96.0.81:8080\n');
  await assert.rejects(env('env', '-n', 'shop', '--service', 'web'), /no Service 'web' in namespace 'shop'/);
});

test('exec restarts its program when an address changes, and ends with it', async (t) => {
  const server = await launchPortolan({ test: t, args: ['--store', 'memory'] });
  await register(server.url, 'm1', 3306);
  const directory = tempDir('exec');
  t.after(() => directory.remove());
  const seen = join(directory.path, 'seen');
  const text = () => {
    try {
      return readFileSync(seen, 'utf8');
    } catch {
      return '';
    }
  };
  const exec = await launchProgram({
    command: process.execPath,
    args: [
      ...[portolan, 'exec', '--server', server.url, '--service', 'mysql', '--on-change', 'restart', '--'],
      ...['sh', '-c', `echo $MYSQL_SERVICE_PORT >> ${seen}; exec sleep 1000`],
    ],
    test: t,
    ready: () => text() === '3306\n',
  });
  await register(server.url, 'm1', 3307);
  await waitUntil(() => text() === '3306\n3307\n');
  exec.kill('SIGTERM');
  assert.equal((await exec.exited).code, 143);
});

test('exec says what is missing', async (t) => {
  const server = await launchPortolan({ test: t, args: ['--store', 'memory'] });
  const ended = await run(process.execPath, [
    ...[portolan, 'exec', '--server', server.url, '--service', 'nothing', '--timeout', '500ms', '--', 'true'],
  ]).catch((error: { code: number; stderr: string }) => error);
  assert.equal('code' in ended && ended.code, 6);
  assert.match(ended.stderr, /no instance of 'nothing' is passing/);
});

test('exec without --service gives what env prints without it', async (t) => {
  const server = await launchPortolan({ test: t, args: ['--store', 'memory'] });
  await register(server.url, 'm1', 3306);
  const env = await run(process.execPath, [portolan, 'env', '--server', server.url]);
  const exec = await run(process.execPath, [portolan, 'exec', '--server', server.url, '--', 'env']);
  const given = new Set(exec.stdout.split('\n'));
  const printed = env.stdout.trim().split('\n');
  assert.ok(printed.includes('MYSQL_SERVICE_PORT=3306'));
  for (const line of printed) assert.ok(given.has(line), line);
});

test('exec of a program that is not there is 127, of one that cannot be run 126', async (t) => {
  const server = await launchPortolan({ test: t, args: ['--store', 'memory'] });
  const codeOf = async (program: string) => {
    const ended = await run(process.execPath, [
      ...[portolan, 'exec', '--server', server.url, '--', program],
    ]).catch((error: { code: number; stderr: string }) => error);
    assert.match(ended.stderr, /cannot start/);
    return 'code' in ended && ended.code;
  };
  assert.equal(await codeOf('/nonexistent'), 127);
  assert.equal(await codeOf('/etc/passwd'), 126);
});
