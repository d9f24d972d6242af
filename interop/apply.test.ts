import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { portolanBin, startPortolan } from './portolan-process.ts';

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `portolan ARGS` as its own process, as a user starts it. */
function portolan(server: string, ...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const env = { ...process.env, PORTOLAN_SERVER: server };
    execFile(process.execPath, [portolanBin, ...args], { env, timeout: 30_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });
}

async function answer(server: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await portolan(server, ...args);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' }, args.join(' '));
  return stdout;
}

/** A web server that answers with its name. */
async function backend(t: TestContext, name: string): Promise<number> {
  const server = createServer((_, response) => response.end(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => new Promise((resolve) => void server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

function service(name: string): string {
  return `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {ports: [{port: 80}]}\n`;
}

function ingress(to: string): string {
  return `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  rules:
    - host: shop.example.com
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: ${to}, port: {number: 80}}}}]}
`;
}

/** Asks the gateway, as a client of that host would. */
async function through(gateway: number): Promise<string> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port: gateway, headers: { host: 'shop.example.com' }, agent: false },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () => resolve(response.statusCode === 200 ? body : String(response.statusCode)));
      },
    );
    asked.on('error', reject).end();
  });
}

interface Rig {
  readonly http: string;
  readonly gateway: number;
  readonly manifests: string;
  write(name: string, text: string): void;
}

async function rig(t: TestContext, watched: boolean): Promise<Rig> {
  const root = tempDir('apply');
  t.after(() => root.remove());
  const manifests = join(root.path, 'manifests');
  mkdirSync(manifests);
  const write = (name: string, text: string): void => writeFileSync(join(manifests, name), text);
  write('services.yaml', `${service('blue')}---\n${service('green')}`);
  write('shop.yaml', ingress('blue'));
  const server = await startPortolan(t, {
    dataDir: join(root.path, 'data'),
    args: watched ? ['--manifests', manifests] : [],
  });
  for (const name of ['blue', 'green']) {
    await answer(server.http, 'register', name, '--port', String(await backend(t, name)));
  }
  return { http: server.http, gateway: server.ports.gateway, manifests, write };
}

function until(gateway: number, wanted: string): Promise<unknown> {
  return waitUntil(async () => (await through(gateway)) === wanted, {
    what: `the gateway to answer ${wanted}`,
  });
}

test('a directory is applied, broken, looked at, taken back and deleted by the command line, and requests go accordingly', async (t) => {
  const { http, gateway, manifests, write } = await rig(t, false);
  assert.equal((await portolan(http, 'diff', '-f', manifests)).code, 1);
  assert.equal(
    await answer(http, 'apply', '-f', manifests),
    'Service default/blue created\nService default/green created\nIngress default/shop created\n',
  );
  await until(gateway, 'blue');

  // Half of it is broken: the last good version of that half goes on.
  write('shop.yaml', ingress('green').replace('pathType: Prefix', 'pathType: Prefx'));
  const broken = await portolan(http, 'apply', '-f', manifests);
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /shop\.yaml:7:32: error: .*pathType must be one of .*; did you mean Prefix\?/);
  assert.equal(await through(gateway), 'blue');

  write('shop.yaml', ingress('green'));
  const diff = await portolan(http, 'diff', '-f', manifests);
  assert.equal(diff.code, 1);
  assert.match(diff.stdout, /\n- +name: blue\n\+ +name: green\n/);
  assert.match(diff.stdout, /--- routes of shop\.example\.com\n/);
  await answer(http, 'apply', '-f', manifests);
  await until(gateway, 'green');
  assert.match(
    await answer(http, 'explain', 'shop.example.com/'),
    /ingress\/default\/shop\/0\/0 -> green:80/,
  );

  const history = (await answer(http, 'history', 'ingress', 'shop', '--no-headers')).trim().split('\n');
  assert.equal(history.length, 2);
  const [created = ''] = history.at(-1)?.split(' ') ?? [];
  await answer(http, 'rollback', 'ingress', 'shop', '--to-revision', created);
  await until(gateway, 'blue');

  await answer(http, 'delete', 'ingress', 'shop');
  await until(gateway, '404');
  await answer(http, 'rollback', 'ingress', 'shop');
  await until(gateway, 'blue');
  await answer(http, 'delete', '-f', manifests);
  assert.match(await answer(http, 'get', 'kinds'), /ingresses .* 0\n/);
});

test('a watched directory drives the gateway while its files are edited', async (t) => {
  const { http, gateway, manifests, write } = await rig(t, true);
  await until(gateway, 'blue');
  write('shop.yaml', ingress('green'));
  await until(gateway, 'green');
  write('shop.yaml', `${ingress('blue').slice(0, -30)}`);
  await waitUntil(
    async () => (await portolan(http, 'get', 'ingress', 'shop')).stderr !== '' || (await diagnosed(http)),
    {
      what: 'the broken file to be told',
    },
  );
  assert.equal(await through(gateway), 'green');
  const refused = await portolan(http, 'delete', 'ingress', 'shop');
  assert.equal(refused.code, 5);
  assert.match(refused.stderr, /belongs to the file .*shop\.yaml/);
  rmSync(join(manifests, 'shop.yaml'));
  await until(gateway, '404');
});

test('rules and their history outlive a kill of the server', async (t) => {
  const root = tempDir('apply');
  t.after(() => root.remove());
  const file = join(root.path, 'web.yaml');
  const dataDir = join(root.path, 'data');
  const first = await startPortolan(t, { dataDir });
  writeFileSync(file, service('web'));
  await answer(first.http, 'apply', '-f', file);
  writeFileSync(file, service('web').replace('80', '81'));
  await answer(first.http, 'apply', '-f', file);
  const stored = await answer(first.http, 'get', 'service', 'web', '-o', 'json');
  const history = await answer(first.http, 'history', 'service', 'web');
  first.program.kill('SIGKILL');
  await first.program.exited;
  const second = await startPortolan(t, { dataDir });
  assert.equal(await answer(second.http, 'get', 'service', 'web', '-o', 'json'), stored);
  assert.equal(await answer(second.http, 'history', 'service', 'web'), history);
  await answer(second.http, 'rollback', 'service', 'web');
  assert.match(await answer(second.http, 'get', 'service', 'web', '-o', 'yaml'), /port: 80/);
});

async function diagnosed(http: string): Promise<boolean> {
  const { diagnostics } = (await (await fetch(`${http}/portolan/v1/diagnostics`)).json()) as {
    diagnostics: { code: string }[];
  };
  return diagnostics.some(({ code }) => code.startsWith('manifest-'));
}
