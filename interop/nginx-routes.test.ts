import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import type { Listener, Route, TlsHost, TrafficModel } from '@portolan/core/traffic/model.ts';
import { issueCertificate } from '@portolan/server/certificates/issue.ts';
import { writeConfiguration } from '@portolan/server/outlets/nginx/nginx-writer.ts';
import { clusterOf, direct, endpointAt, modelOf } from '@portolan/server/outlets/nginx/traffic.fixture.ts';
import { type Translation, translate } from '@portolan/server/outlets/nginx/translate.ts';
import { freePort } from '@portolan/testkit/free-port.ts';
import { launchNginx } from '@portolan/testkit/launch-nginx.ts';
import { launchProgram } from '@portolan/testkit/launch-program.ts';
import { requireProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';

const run = promisify(execFile);

async function curl(...args: string[]): Promise<string> {
  return (await run('curl', ['--silent', '--show-error', '--max-time', '10', ...args])).stdout;
}

function translated(model: TrafficModel, port: number): Translation {
  return translate(model, {
    ...{ balance: 'round-robin', ownsDefault: true, refusedDoors: new Map() },
    addressOf: (address) => address,
    listen: { address: '127.0.0.1', port },
  });
}

async function serve(t: TestContext, translation: Translation): Promise<void> {
  const { http, stream } = translation;
  await launchNginx({ http: writeConfiguration(http), stream: writeConfiguration(stream), test: t });
}

/** Says who it is and which address it was asked for. */
async function backend(t: TestContext, name: string): Promise<number> {
  const server = createServer((request, response) => response.end(`${name} ${request.url}`));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

test('routes match in nginx as in the gateway: paths, methods, headers, and what nginx cannot say goes nowhere', async (t) => {
  if (requireProgram(t, 'nginx') === undefined || requireProgram(t, 'curl') === undefined) return;
  const clusters = await Promise.all(
    ['a', 'b', 'c'].map(async (name) => clusterOf(name, [endpointAt('127.0.0.1', await backend(t, name))])),
  );
  const on = (match: Route['match']): Partial<Route> => ({ match });
  const model = modelOf({
    clusters,
    hosts: {
      'web.localhost': [
        ['', 'a', on({ path: { type: 'exact', value: '/exact' } })],
        ['', 'b', on({ path: { type: 'segments', value: '/foo/' } })],
        ['', 'c', on({ path: { type: 'prefix', value: '/write' }, methods: ['POST', 'PUT'] })],
        [
          '',
          'b',
          on({
            path: { type: 'prefix', value: '/' },
            headers: [{ name: 'x-canary', type: 'exact', value: 'always' }],
          }),
        ],
        ['', 'c', on({ path: { type: 'regex', value: '/id/[0-9]+' } })],
        ['', direct(200, 'secure'), on({ path: { type: 'exact', value: '/scheme' }, scheme: 'https' })],
        ['', direct(200, 'plain'), on({ path: { type: 'exact', value: '/scheme' }, scheme: 'http' })],
        [
          '',
          'a',
          on({
            path: { type: 'prefix', value: '/cookie' },
            cookies: [{ name: 'c', type: 'present', value: '' }],
          }),
        ],
        [
          '',
          { type: 'redirect', status: 308, scheme: 'https' },
          on({ path: { type: 'prefix', value: '/secure' } }),
        ],
        [
          '',
          { type: 'redirect', status: 302, path: { type: 'full', value: '/new' } },
          on({ path: { type: 'exact', value: '/old' } }),
        ],
        [
          '',
          'a',
          {
            ...on({ path: { type: 'prefix', value: '/auth' } }),
            policies: { basicAuth: { realm: 'r', users: ['x'] } },
          },
        ],
        [
          '',
          'a',
          {
            ...on({ path: { type: 'prefix', value: '/inside' } }),
            policies: { access: { allow: ['10.0.0.0/8'] } },
          },
        ],
        ['', 'a', on({ path: { type: 'segments', value: '/' } })],
      ],
      '?.one.localhost': [['/', direct(200, 'one label')]],
      '*.localhost': [['/', direct(200, 'any depth')]],
      'split.localhost': [
        [
          '/',
          {
            type: 'forward',
            targets: [
              { weight: 1, cluster: 'a' },
              { weight: 3, cluster: 'b' },
              { weight: 0, cluster: 'c' },
            ],
          },
        ],
      ],
    },
  });
  const port = await freePort();
  const translation = translated(model, port);
  assert.deepEqual(
    translation.problems.map((problem) => problem.replace(/^.*is answered 500: /, '')),
    ['nginx cannot match what it asks for', 'nginx is not told of its policy basicAuth'],
  );
  await serve(t, translation);
  const get = (path: string, ...args: string[]): Promise<string> =>
    curl('--path-as-is', '-H', 'Host: web.localhost', ...args, `http://127.0.0.1:${port}${path}`);
  const statusOf = (path: string): Promise<string> =>
    get(path, '-o', '/dev/null', '-w', '%{http_code} %{redirect_url}');
  assert.equal(await get('/exact'), 'a /exact');
  assert.equal(await get('/exact/'), 'a /exact/');
  for (const path of ['/foo', '/foo/', '/foo/bar?q=1']) assert.equal(await get(path), `b ${path}`);
  assert.equal(await get('/foobar'), 'a /foobar', 'another segment');
  assert.equal(await get('/write/x', '-X', 'POST', '--data', 'x'), 'c /write/x');
  assert.equal(await get('/write/x'), 'a /write/x');
  assert.equal(await get('/write/x', '-H', 'X-Canary: always'), 'b /write/x');
  assert.equal(await get('/write/x', '-H', 'X-Canary: alwaysnot'), 'a /write/x');
  assert.equal(await get('/id/17%20x'), 'a /id/17%20x', 'the whole path, sent on as it came');
  assert.equal(await get('/id/17'), 'c /id/17');
  assert.equal(await get('/scheme'), 'plain');
  assert.match(await statusOf('/cookie'), /^500/, 'a route that nginx cannot tell is nobody else’s');
  assert.match(await statusOf('/auth'), /^500/, 'nobody gets in without being asked');
  assert.match(await statusOf('/inside'), /^403/);
  assert.equal(await statusOf('/secure/x?y=1'), '308 https://web.localhost/secure/x?y=1');
  assert.equal(await statusOf('/old?y=1'), `302 http://web.localhost/new?y=1`);
  assert.match(await get('/portolan-route-0'), /^a \/portolan-route-0$/, 'ours to know');
  const named = (host: string): Promise<string> => curl('-H', `Host: ${host}`, `http://127.0.0.1:${port}/`);
  assert.equal(await named('x.one.localhost'), 'one label');
  assert.equal(await named('y.x.one.localhost'), 'any depth');
  const seen = new Map<string, number>();
  for (let index = 0; index < 100; index++) {
    const name = (await named('split.localhost')).slice(0, 1);
    seen.set(name, (seen.get(name) ?? 0) + 1);
  }
  assert.deepEqual([...seen.keys()].sort(), ['a', 'b']);
  // 75 is expected; 4 standard deviations.
  assert.ok(Math.abs((seen.get('b') ?? 0) - 75) <= 18, `${seen.get('b')} of 100`);
});

test('a TLS listener tells two backends apart by SNI, and passes TLS on; a UDP listener serves dig', async (t) => {
  if (requireProgram(t, 'nginx') === undefined || requireProgram(t, 'curl') === undefined) return;
  const unbound = requireProgram(t, 'unbound');
  if (unbound === undefined || requireProgram(t, 'dig') === undefined) return;
  const directory = tempDir('nginx-tls');
  t.after(() => directory.remove());
  const at = (name: string): string => join(directory.path, name);
  const nowMs = Date.now();
  const backends = await Promise.all(
    ['one', 'two'].map(async (name) => {
      const port = await freePort();
      const pair = await issueCertificate({
        ...{ subject: `CN=${name}`, dnsNames: [`${name}.localhost`] },
        ...{ notBefore: new Date(nowMs - 60_000), notAfter: new Date(nowMs + 3_600_000) },
      });
      writeFileSync(at(`${name}.crt`), pair.chain);
      writeFileSync(at(`${name}.key`), pair.key);
      return { name, port };
    }),
  );
  await launchNginx({
    test: t,
    http: backends
      .map(
        ({ name, port }) => `server {
          listen 127.0.0.1:${port} ssl;
          ssl_certificate ${at(`${name}.crt`)};
          ssl_certificate_key ${at(`${name}.key`)};
          location / { return 200 "${name}"; }
        }`,
      )
      .join('\n'),
  });
  const [port, tls, udp, dns] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  writeFileSync(
    at('unbound.conf'),
    `server:
  interface: 127.0.0.1@${dns}
  use-syslog: no
  username: ""
  chroot: ""
  directory: "${directory.path}"
  pidfile: ""
  do-tcp: no
  local-data: "harbour.ports.test. 60 IN A 192.0.2.33"
remote-control:
  control-enable: no
`,
  );
  const dig = async (server: number): Promise<string> => {
    const args = ['@127.0.0.1', '-p', String(server), '+short', '+tries=1', '+time=1', 'harbour.ports.test'];
    return (await run('dig', args).catch(() => ({ stdout: '' }))).stdout.trim();
  };
  const ready = async (): Promise<boolean> => (await dig(dns)) === '192.0.2.33';
  await launchProgram({ command: unbound, args: ['-d', '-c', at('unbound.conf')], test: t, ready });

  const listeners: readonly Listener[] = [
    { name: 'tls', protocol: 'tls', bind: { port: tls }, table: 'tls' },
    { name: 'udp', protocol: 'udp', bind: { port: udp }, targets: [{ weight: 1, cluster: 'dns' }] },
  ];
  const hosts = backends.map(
    ({ name }, index): TlsHost => ({
      ...{ name, table: 'tls', serverNames: [index === 0 ? 'one.localhost' : '*.localhost'] },
      action: { type: 'passthrough', targets: [{ weight: 1, cluster: name }] },
    }),
  );
  const model = modelOf({
    clusters: [
      ...backends.map((one) => clusterOf(one.name, [endpointAt('127.0.0.1', one.port)])),
      clusterOf('dns', [endpointAt('127.0.0.1', dns)]),
    ],
  });
  const translation = translated(
    {
      ...model,
      listeners: new Map([
        ...model.listeners,
        ...listeners.map((listener) => [listener.name, listener] as const),
      ]),
      tlsHosts: new Map(hosts.map((host) => [host.name, host])),
    },
    port,
  );
  assert.deepEqual(translation.problems, []);
  assert.deepEqual(translation.doors, [`tcp 127.0.0.1:${tls}`, `udp 127.0.0.1:${udp}`]);
  await serve(t, translation);
  const ask = (host: string, certificate: string): Promise<string> =>
    curl(
      '--resolve',
      `${host}:${tls}:127.0.0.1`,
      '--cacert',
      at(`${certificate}.crt`),
      `https://${host}:${tls}/`,
    );
  assert.equal(await ask('one.localhost', 'one'), 'one');
  assert.equal(await ask('ONE.localhost', 'one'), 'one');
  assert.equal(await ask('two.localhost', 'two'), 'two');
  await assert.rejects(curl('-k', `https://127.0.0.1:${tls}/`), 'nobody is asked for');
  await waitUntil(async () => (await dig(udp)) === '192.0.2.33');
});
