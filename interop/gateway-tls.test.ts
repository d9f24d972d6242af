import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Agent, get } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import type {
  Certificate,
  Cluster,
  Listener,
  TlsHost,
  TrafficMessage,
} from '@portolan/core/traffic/model.ts';
import { edgeTable } from '@portolan/core/traffic/route.ts';
import { type Issued, issueCertificate } from '@portolan/server/certificates/issue.ts';
import { freePort } from '@portolan/testkit/free-port.ts';
import { launchNginx } from '@portolan/testkit/launch-nginx.ts';
import { launchProgram } from '@portolan/testkit/launch-program.ts';
import { requireProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { endpointAt, launchUpstream, modelOf, type Rig, startRig } from './gateway-rig.ts';

const run = promisify(execFile);

async function curl(...args: string[]): Promise<string> {
  return (await run('curl', ['--silent', '--show-error', '--max-time', '10', ...args])).stdout;
}

function issued(name: string, more: Partial<Parameters<typeof issueCertificate>[0]> = {}): Promise<Issued> {
  const nowMs = Date.now();
  return issueCertificate({
    ...{ subject: `CN=${name}`, dnsNames: [name] },
    ...{ notBefore: new Date(nowMs - 60_000), notAfter: new Date(nowMs + 3_600_000) },
    ...more,
  });
}

function certificateOf(name: string, { chain, key }: Issued): Certificate {
  return { name, chain, key };
}

const tlsDoor: Listener = { name: 'gateway-tls', protocol: 'tls', bind: 'gateway-tls', table: edgeTable };

interface Added {
  readonly listeners?: readonly Listener[];
  readonly tlsHosts?: readonly TlsHost[];
  readonly certificates?: readonly Certificate[];
}

function withAdded(
  model: TrafficMessage,
  { listeners = [], tlsHosts = [], certificates = [] }: Added,
): TrafficMessage {
  return {
    ...model,
    listeners: { put: [...model.listeners.put, tlsDoor, ...listeners], remove: [] },
    tlsHosts: { put: tlsHosts, remove: [] },
    certificates: { put: certificates, remove: [] },
  };
}

function terminating(serverName: string, certificate: string, more: object = {}): TlsHost {
  const then = { type: 'http', table: edgeTable } as const;
  const action = { type: 'terminate', certificates: [certificate], then, ...more } as const;
  return { name: serverName, table: edgeTable, serverNames: [serverName], action };
}

/** The files of a certificate in a directory that goes with the test. */
function filesOf(
  t: TestContext,
  { chain, key }: Issued,
  ca = chain,
): { cert: string; key: string; ca: string; at: string } {
  const directory = tempDir('tls-files');
  t.after(() => directory.remove());
  const path = (name: string): string => join(directory.path, name);
  const files = { cert: path('tls.crt'), key: path('tls.key'), ca: path('ca.crt'), at: directory.path };
  writeFileSync(files.cert, chain);
  writeFileSync(files.key, key);
  writeFileSync(files.ca, ca);
  return files;
}

test('curl and openssl speak TLS to the workers: names, HTTP/2, client certificates', async (t) => {
  if (requireProgram(t, 'curl') === undefined || requireProgram(t, 'openssl') === undefined) return;
  const authority = await issued('Test authority', { authority: true, dnsNames: [] });
  const server = await issued('web.localhost', { issuer: authority.issuer });
  const client = filesOf(t, await issued('client', { issuer: authority.issuer }), authority.chain);
  const web = await launchUpstream(t, 'web');
  const clientAuth = { ca: authority.chain, mode: 'required' } as const;
  const model = withAdded(modelOf({ web: [endpointAt(web.port)] }), {
    tlsHosts: [terminating('*', 'server'), terminating('mtls.localhost', 'server', { clientAuth })],
    certificates: [certificateOf('server', server)],
  });
  const rig = await startRig(t, model, { tls: true });
  const port = rig.tlsPort;
  const resolve = ['--resolve', `*:${port}:127.0.0.1`, '--cacert', client.ca];
  const url = `https://web.localhost:${port}/`;
  assert.match(await curl(...resolve, '--http1.1', url), /^web /);
  const h2 = await curl(...resolve, '--http2', '-w', ' %{http_version}', url);
  assert.match(h2, /^web [0-9]+ 2$/);
  assert.match(await curl(...resolve, '--tlsv1.2', '--tls-max', '1.2', url), /^web /);

  const mtls = ['-k', ...resolve, '-H', 'Host: web.localhost', `https://mtls.localhost:${port}/`];
  await assert.rejects(curl(...mtls));
  const shown = ['--cert', client.cert, '--key', client.key];
  // The connection is mtls.localhost's; the request is for a host that demands nothing.
  assert.match(await curl('-i', '--http1.1', ...shown, ...mtls), /^HTTP\/1\.1 421 /);
});

test('a session is resumed by whichever worker takes the connection', async (t) => {
  const openssl = requireProgram(t, 'openssl');
  if (openssl === undefined) return;
  const web = await launchUpstream(t, 'web');
  const model = withAdded(modelOf({ web: [endpointAt(web.port)] }), {
    tlsHosts: [terminating('*', 'server')],
    certificates: [certificateOf('server', await issued('web.localhost'))],
  });
  const rig = await startRig(t, model, { tls: true });
  const directory = tempDir('tls-session');
  t.after(() => directory.remove());
  const session = join(directory.path, 'session.pem');
  const sClient = (...more: string[]): Promise<string> =>
    new Promise((done) => {
      const args = [
        's_client',
        '-connect',
        `127.0.0.1:${rig.tlsPort}`,
        '-servername',
        'web.localhost',
        '-ign_eof',
      ];
      const child = spawn(openssl, [...args, ...more]);
      let said = '';
      child.stdout.on('data', (bytes) => {
        said += bytes;
      });
      child.on('close', () => done(said));
      child.stdin.end('GET / HTTP/1.1\r\nHost: web.localhost\r\nConnection: close\r\n\r\n');
    });
  for (const version of ['-tls1_2', '-tls1_3']) {
    assert.match(await sClient(version, '-sess_out', session), /New, TLSv1/);
    // The kernel gives connections to both workers; 8 tries miss one of them once in 128 times, and prove no less for it.
    for (let index = 0; index < 8; index++) {
      const said = await sClient(version, '-sess_in', session);
      assert.match(said, /Reused, TLSv1/);
      assert.match(said, /^web /m);
    }
  }
});

/** All workers have that model. */
async function revisionOf(rig: Rig, wanted: number): Promise<void> {
  await waitUntil(async () => {
    const stats = (await (await fetch(`${rig.admin}/stats`)).json()) as { revision: number }[];
    return stats.every(({ revision }) => revision === wanted);
  });
}

/** Why nobody can connect there; empty when one can. */
function connectError(port: number, address = '127.0.0.1'): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, address, () => {
      socket.destroy();
      resolve('');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
  });
}

/** Requests one after another on each of some connections, until told to stop. */
function httpsLoad(
  rig: Rig,
  connections: number,
): { readonly done: () => Promise<{ ok: number; failed: string[] }> } {
  const counts = { ok: 0, failed: [] as string[] };
  let stopping = false;
  const once = (agent: Agent): Promise<void> =>
    new Promise((resolve) => {
      const options = { agent, port: rig.tlsPort, host: '127.0.0.1', servername: 'web.localhost' };
      const headers = { host: 'web.localhost' };
      const request = get({ ...options, headers, rejectUnauthorized: false }, (response) => {
        if (response.statusCode === 200) counts.ok++;
        else counts.failed.push(String(response.statusCode));
        response.resume().on('end', resolve);
      });
      request.on('error', (error) => {
        counts.failed.push(error.message);
        resolve();
      });
    });
  const loops = Array.from({ length: connections }, async (_, index) => {
    // Every other one shakes hands anew for each request.
    const agent = new Agent({ keepAlive: index % 2 === 0, maxSockets: 1, maxCachedSessions: index % 4 });
    while (!stopping) await once(agent);
    agent.destroy();
  });
  return {
    async done() {
      stopping = true;
      await Promise.all(loops);
      return counts;
    },
  };
}

test('a certificate is exchanged 20 times, and the workers replaced, under load, without a failed request', async (t) => {
  const web = await launchUpstream(t, 'web');
  const pairs = await Promise.all(Array.from({ length: 4 }, (_, index) => issued(`c${index}.localhost`)));
  const model = (index: number): TrafficMessage =>
    withAdded(modelOf({ web: [endpointAt(web.port)] }, { revision: index + 1 }), {
      tlsHosts: [terminating('*', 'server')],
      certificates: [certificateOf('server', pairs[index % pairs.length] as Issued)],
    });
  const rig = await startRig(t, model(0), { tls: true });
  const load = httpsLoad(rig, 8);
  for (let index = 1; index <= 20; index++) {
    rig.control.push(model(index));
    await revisionOf(rig, index + 1);
    if (index === 10) await rig.gateway.reload();
  }
  const { ok, failed } = await load.done();
  assert.deepEqual(failed, []);
  assert.ok(ok > 200, `${ok} requests`);
});

test('two nginx that speak TLS are told apart by SNI and passed through, with whom they serve', async (t) => {
  if (requireProgram(t, 'nginx') === undefined || requireProgram(t, 'curl') === undefined) return;
  const backends = await Promise.all(
    ['one', 'two'].map(async (name) => {
      const files = filesOf(t, await issued(`${name}.localhost`));
      const port = await freePort();
      await launchNginx({
        test: t,
        http: `
          access_log off;
          server {
            listen 127.0.0.1:${port} ssl proxy_protocol;
            ssl_certificate ${files.cert};
            ssl_certificate_key ${files.key};
            location / { return 200 "${name} for $proxy_protocol_addr\n"; }
          }`,
      });
      return { name, port, ca: files.ca };
    }),
  );
  const services = Object.fromEntries(backends.map(({ name, port }) => [name, [endpointAt(port)]]));
  const base = modelOf(services);
  const model = withAdded(base, {
    tlsHosts: backends.map(({ name }) => ({
      ...{ name, table: edgeTable, serverNames: [`${name}.localhost`] },
      action: { type: 'passthrough', targets: [{ weight: 1, cluster: name }] },
    })),
  });
  const proxied = base.clusters.put.map(
    (one, index): Cluster => ({ ...one, proxyProtocol: index === 0 ? 'v1' : 'v2' }),
  );
  const rig = await startRig(t, { ...model, clusters: { put: proxied, remove: [] } }, { tls: true });
  for (const { name, ca } of backends) {
    const url = `https://${name}.localhost:${rig.tlsPort}/`;
    const answer = await curl('--resolve', `*:${rig.tlsPort}:127.0.0.1`, '--cacert', ca, url);
    assert.equal(answer, `${name} for 127.0.0.1\n`, 'the PROXY protocol header of nginx’ own client');
  }
});

/** Answers with whom the gateway took for the client. */
async function whoAsked(t: TestContext): Promise<number> {
  const server = createServer((request, response) => {
    response.end(`${request.headers['x-forwarded-for']}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

test('PROXY protocol headers of HAProxy and nginx are read, and HAProxy reads ours', async (t) => {
  const haproxy = requireProgram(t, 'haproxy');
  if (haproxy === undefined || requireProgram(t, 'nginx') === undefined) return;
  const [inside = 0, out = 0, v1 = 0, v2 = 0, plain = 0, toOut = 0, receiver = 0] = await Promise.all(
    Array.from({ length: 7 }, freePort),
  );
  const directory = tempDir('haproxy');
  t.after(() => directory.remove());
  const file = join(directory.path, 'haproxy.cfg');
  writeFileSync(
    file,
    `
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen v1
  bind 127.0.0.1:${v1}
  server gateway 127.0.0.1:${inside} send-proxy
listen v2
  bind 127.0.0.1:${v2}
  server gateway 127.0.0.1:${inside} send-proxy-v2 proxy-v2-options crc32c,unique-id
frontend receiver
  mode http
  bind 127.0.0.1:${receiver} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src]"
`,
  );
  const opened = async (): Promise<boolean> => (await connectError(v1)) === '';
  await launchProgram({ command: haproxy, args: ['-db', '-f', file], test: t, ready: opened });
  await launchNginx({
    test: t,
    stream: `
      server { listen 127.0.0.1:${plain}; proxy_pass 127.0.0.1:${inside}; proxy_protocol on; }
      server { listen 127.0.0.1:${toOut}; proxy_pass 127.0.0.1:${out}; proxy_protocol on; }`,
  });
  const listeners: readonly Listener[] = [
    { name: 'inside', protocol: 'http', bind: { port: inside }, table: edgeTable, proxyProtocol: true },
    {
      ...{ name: 'out', protocol: 'tcp', bind: { port: out }, proxyProtocol: true },
      targets: [{ weight: 1, cluster: 'haproxy' }],
    },
  ];
  const base = modelOf({ web: [endpointAt(await whoAsked(t))], haproxy: [endpointAt(receiver)] });
  const sending = (proxyProtocol: 'v1' | 'v2', revision: number): TrafficMessage => {
    const put = base.clusters.put.map((one) => (one.name === 'haproxy' ? { ...one, proxyProtocol } : one));
    return { ...withAdded(base, { listeners }), revision, clusters: { put, remove: [] } };
  };
  const rig = await startRig(t, sending('v1', 1), { workers: 1 });
  await waitUntil(() => rig.listeners.list().filter(({ port }) => [inside, out].includes(port)).length === 2);
  const from = (port: number): Promise<string> =>
    curl('--interface', '127.0.0.9', '-H', 'Host: web.localhost', `http://127.0.0.1:${port}/`);
  for (const port of [v1, v2, plain]) assert.equal(await from(port), '127.0.0.9');
  assert.equal(await from(toOut), '127.0.0.9', 'version 1');
  rig.control.push(sending('v2', 2));
  await revisionOf(rig, 2);
  assert.equal(await from(toOut), '127.0.0.9', 'version 2');
  await assert.rejects(from(inside), 'no header, no answer');
});

test('dig gets its answers from a real resolver through a UDP listener', async (t) => {
  const unbound = requireProgram(t, 'unbound');
  if (unbound === undefined || requireProgram(t, 'dig') === undefined) return;
  const [server = 0, udp = 0] = await Promise.all([freePort(), freePort()]);
  const directory = tempDir('unbound');
  t.after(() => directory.remove());
  const file = join(directory.path, 'unbound.conf');
  writeFileSync(
    file,
    `server:
  interface: 127.0.0.1@${server}
  access-control: 127.0.0.0/8 allow
  use-syslog: no
  username: ""
  chroot: ""
  directory: "${directory.path}"
  pidfile: ""
  do-tcp: no
  local-zone: "ports.test." static
  local-data: "harbour.ports.test. 60 IN A 192.0.2.33"
remote-control:
  control-enable: no
`,
  );
  const dig = async (port: number): Promise<string> => {
    const args = ['@127.0.0.1', '-p', String(port), '+short', '+tries=1', '+time=1', 'harbour.ports.test'];
    return (await run('dig', args).catch(() => ({ stdout: '' }))).stdout.trim();
  };
  const ready = async (): Promise<boolean> => (await dig(server)) === '192.0.2.33';
  await launchProgram({ command: unbound, args: ['-d', '-c', file], test: t, ready });
  const listener: Listener = {
    ...{ name: 'udp-dns', protocol: 'udp', bind: { address: '127.96.0.7', port: udp } },
    targets: [{ weight: 1, cluster: 'dns' }],
  };
  const rig = await startRig(t, withAdded(modelOf({ dns: [endpointAt(server)] }), { listeners: [listener] }));
  await waitUntil(() => rig.listeners.list().some(({ name }) => name === 'udp-dns'));
  assert.equal(rig.listeners.list().find(({ name }) => name === 'udp-dns')?.address, '127.96.0.7');
  const ask = async (): Promise<string> => {
    const args = ['@127.96.0.7', '-p', String(udp), '+short', '+tries=1', '+time=1', 'harbour.ports.test'];
    return (await run('dig', args).catch(() => ({ stdout: '' }))).stdout.trim();
  };
  await waitUntil(async () => (await ask()) === '192.0.2.33');
  await rig.gateway.reload();
  assert.equal(await ask(), '192.0.2.33', 'the new workers answer');

  rig.control.push({ ...withAdded(modelOf({ dns: [endpointAt(server)] }, { revision: 2 }), {}) });
  await waitUntil(() => !rig.listeners.list().some(({ name }) => name === 'udp-dns'));
  await waitUntil(async () => (await ask()) === '');
});

test('listeners of every kind open, move and change places without harm', async (t) => {
  if (requireProgram(t, 'curl') === undefined) return;
  const web = await launchUpstream(t, 'web');
  const [first = 0, second = 0] = await Promise.all([freePort(), freePort()]);
  const model = (revision: number, listeners: readonly Listener[]): TrafficMessage =>
    withAdded(modelOf({ web: [endpointAt(web.port)] }, { revision }), {
      listeners,
      tlsHosts: [terminating('*', 'server')],
      certificates: [certificateOf('server', pair)],
    });
  const pair = await issued('web.localhost');
  const at = (name: string, protocol: 'http' | 'tls', port: number, address?: string): Listener => ({
    ...{ name, protocol, table: edgeTable },
    bind: address === undefined ? { port } : { address, port },
  });
  const rig = await startRig(t, model(1, [at('a', 'http', first, '127.96.0.8')]));
  const plain = (port: number, address = '127.0.0.1'): Promise<string> =>
    curl('-H', 'Host: web.localhost', `http://${address}:${port}/`);
  const secure = (port: number): Promise<string> =>
    curl('-k', '--resolve', `web.localhost:${port}:127.0.0.1`, `https://web.localhost:${port}/`);
  const named = (...names: readonly string[]): Promise<unknown> =>
    waitUntil(() => {
      const there = rig.listeners.list().map(({ name }) => name);
      return names.every((name) => there.includes(name));
    });
  await named('a');
  assert.match(await plain(first, '127.96.0.8'), /^web /);

  rig.control.push(model(2, [at('b', 'http', first), at('c', 'tls', second)]));
  await named('b', 'c');
  assert.match(await plain(first), /^web /);
  assert.match(await secure(second), /^web /);
  assert.notEqual(await connectError(first, '127.96.0.8'), '', 'the old address is left');

  // The same port for another listener, of another kind: the socket stays.
  rig.control.push(model(3, [at('d', 'tls', first), at('e', 'http', second), at('f', 'http', second)]));
  await named('d', 'e');
  await revisionOf(rig, 3);
  assert.match(await secure(first), /^web /);
  assert.match(await plain(second), /^web /);
  assert.deepEqual(
    rig.gateway.diagnostics?.().map(({ code, subject }) => [code, subject]),
    [['listener-conflict', 'listener/f']],
  );
});

test('a UDP port that is taken is told, and opened as soon as it is free', async (t) => {
  const taken = createSocket('udp4');
  taken.bind(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address();
  const echo = createSocket('udp4');
  echo.on('message', (datagram, from) => echo.send(datagram, from.port, from.address));
  echo.bind(0, '127.0.0.1');
  await once(echo, 'listening');
  const client = createSocket('udp4');
  t.after(() => {
    echo.close();
    client.close();
  });
  const targets = [{ weight: 1, cluster: 'echo' }];
  const listener: Listener = { name: 'udp-echo', protocol: 'udp', bind: { port }, targets };
  const model = withAdded(modelOf({ echo: [endpointAt(echo.address().port)] }), { listeners: [listener] });
  const rig = await startRig(t, model, { workers: 1 });
  const codes = (): readonly string[] => (rig.gateway.diagnostics?.() ?? []).map(({ code }) => code);
  await waitUntil(() => codes().includes('udp-port-unavailable'));
  taken.close();
  await waitUntil(() => codes().length === 0);
  let answered = false;
  client.on('message', () => {
    answered = true;
  });
  await waitUntil(() => {
    client.send('hello', port, '127.0.0.1');
    return answered;
  });
});
