import assert from 'node:assert/strict';
import { connect as connectHttp2, createServer as createHttp2Server, type Http2Server } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { issueCertificate } from '@portolan/server/certificates/issue.ts';
import { type EchoUpstream, echoUpstream } from '@portolan/server/proxy/testdata/policy-rig.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { filesOf, freePort, isWithin3Sigma, type Scope, type Stage, startStage } from './manifests-rig.ts';

// Gateway API's examples as they are, by real requests through a real server and its gateway.

const ends: (() => Promise<void> | void)[] = [];
const scope: Scope = { after: (callback) => void ends.unshift(callback) };
const applied = new Set<string>();
let stage: Stage;
const upstreams = new Map<string, EchoUpstream>();

before(async () => {
  stage = await startStage(scope, 'gateway-api');
  const names = [
    ...['my-service1', 'my-service2', 'echo', 'foo-svc', 'bar-svc', 'bar-svc-canary', 'example-svc'],
    ...['foo-v1', 'foo-v2'],
  ];
  for (const name of names) {
    const upstream = await echoUpstream(scope, name, () => ({
      headers: { 'x-secret': 's', 'x-header-set-1': 'no' },
    }));
    upstreams.set(name, upstream);
    await stage.register({ name, port: upstream.port, tags: [] });
  }
});

after(async () => {
  for (const end of ends) await end();
});

async function apply(file: string, ports?: Readonly<Record<number, number>>): Promise<string> {
  const printed = await stage.applyFile(file, ports);
  applied.add(file);
  return printed;
}

/** What a service answers, else the status. */
async function answer(
  host: string,
  path = '/',
  headers: Readonly<Record<string, string>> = {},
  more: { readonly port?: number; readonly method?: string } = {},
): Promise<string> {
  const { status, body } = await stage.ask(host, { path, headers, ...more });
  return status === 200 ? body : String(status);
}

function seen(name: string) {
  const last = upstreams.get(name)?.seen.at(-1);
  assert.ok(last, name);
  return last;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
}

/** `Accepted=True ResolvedRefs=False(RefNotPermitted)`, of the resource itself or of its first parent. */
async function conditions(kind: string, name: string, namespace = 'default'): Promise<string> {
  const url = `${stage.url}/portolan/v1/resources/gateway.networking.k8s.io/v1/${kind}/${namespace}/${name}`;
  const { status } = (await (await fetch(url)).json()) as {
    status: { conditions?: readonly Condition[]; parents?: readonly { conditions: readonly Condition[] }[] };
  };
  const all = status.conditions ?? status.parents?.[0]?.conditions ?? [];
  return all
    .map((one) => `${one.type}=${one.status}${one.status === 'True' ? '' : `(${one.reason})`}`)
    .join(' ');
}

test('basic-http: a Gateway with a port of its own', async () => {
  const port = await freePort();
  await apply('basic-http.yaml', { 18080: port });
  await waitUntil(async () => (await answer('foo.com', '/bar', {}, { port })) === 'my-service1', {
    what: 'the port to open',
  });
  assert.equal(await answer('foo.com', '/bar/baz', {}, { port }), 'my-service1');
  assert.equal(await answer('foo.com', '/barn', {}, { port }), '404');
  const magic = { magic: 'foo' };
  assert.equal(await answer('foo.com', '/some/thing?great=example', magic, { port }), 'my-service2');
  assert.equal(await answer('foo.com', '/some/thing?great=example', {}, { port }), '404');
  assert.equal(await answer('foo.com', '/some/thing', magic, { port }), '404');
  assert.equal(await answer('foo.com', '/some/thing?great=example', magic, { port, method: 'POST' }), '404');
  assert.equal(await answer('bar.com', '/bar', {}, { port }), '404');
  assert.equal(await answer('foo.com', '/bar'), '404', 'not at the edge');
  assert.equal(await conditions('gateways', 'my-gateway'), 'Accepted=True Programmed=True');
  assert.equal(await conditions('httproutes', 'http-app-1'), 'Accepted=True ResolvedRefs=True');
  assert.match(
    await stage.cli('get', 'gateways', '-o', 'wide'),
    new RegExp(`my-gateway +portolan +http:${port}/HTTP +127\\.0\\.0\\.1 +http:1 +ok `),
  );
});

test('http-routing: by host, by header', async () => {
  await apply('http-routing.yaml');
  assert.equal(await answer('foo.example.com', '/login'), 'foo-svc');
  assert.equal(await answer('foo.example.com', '/'), '404');
  assert.equal(await answer('bar.example.com', '/login'), 'bar-svc');
  assert.equal(await answer('bar.example.com', '/', { env: 'canary' }), 'bar-svc-canary');
  assert.equal(await answer('bar.example.com', '/', { env: 'canaries' }), 'bar-svc');
  assert.equal(await answer('else.example.com', '/login'), '404');
});

test('headers: added, set, taken away, both ways', async () => {
  await apply('headers.yaml');
  const own = { 'my-header-name': 'theirs', 'x-request-id-of-mine': '1' };
  await answer('headers.example', '/add-a-request-header', own);
  assert.equal(seen('echo').headers['my-header-name'], 'theirs, my-header-value');
  await answer('headers.example', '/edit-a-request-header', own);
  assert.equal(seen('echo').headers['my-header-name'], 'my-new-header-value');
  await answer('headers.example', '/remove-a-request-header', own);
  assert.equal(seen('echo').headers['x-request-id-of-mine'], undefined);
  assert.equal(seen('echo').headers['my-header-name'], 'theirs');
  const { headers } = await stage.ask('headers.example', { path: '/' });
  assert.deepEqual(
    [headers['x-header-add-1'], headers['x-header-set-1'], headers['x-secret']],
    ['header-add-1', 'header-set-1', undefined],
  );
});

test('redirect-and-rewrite: a prefix replaced, HTTPS, another host', async () => {
  await apply('redirect-and-rewrite.yaml');
  const moved = await stage.ask('redirect.example', { path: '/cayenne/hot?x=1' });
  assert.equal(moved.status, 302);
  assert.match(moved.headers.location ?? '', /^http:\/\/redirect\.example(?::\d+)?\/paprika\/hot\?x=1$/);
  const secure = await stage.ask('redirect.example', { path: '/else' });
  assert.equal(secure.status, 301);
  assert.match(secure.headers.location ?? '', /^https:\/\/redirect\.example(?::\d+)?\/else$/);
  assert.equal(await answer('rewrite.example', '/cardamom/tea?x=1'), 'example-svc');
  assert.deepEqual(
    [seen('example-svc').url, seen('example-svc').headers.host],
    ['/fennel/tea?x=1', 'elsewhere.example'],
  );
  assert.equal(await answer('rewrite.example', '/'), '404');
});

test('traffic-splitting: nine of ten, within 3σ', async () => {
  await apply('traffic-splitting.yaml');
  const isFair = async (): Promise<boolean> => {
    const found = await stage.tally('split.example.com', 1_000);
    assert.deepEqual([...found.keys()].sort(), ['foo-v1', 'foo-v2']);
    return isWithin3Sigma(found.get('foo-v2') ?? 0, 1_000, 0.1);
  };
  // One sample in 370 is outside 3σ; two in a row are not chance.
  assert.ok((await isFair()) || (await isFair()));
});

test('mirror: the second version gets a copy', async () => {
  await apply('mirror.yaml');
  const copies = upstreams.get('foo-v2')?.seen ?? [];
  assert.equal(await answer('mirror.example', '/copied'), 'foo-v1');
  await waitUntil(() => copies.some(({ url }) => url === '/copied'), { what: 'the copy' });
});

test('timeouts: who does not answer is given up', async () => {
  const port = await listenOn(createTcpServer(() => undefined));
  await stage.register({ name: 'slow', port, tags: [] });
  await apply('timeouts.yaml');
  assert.equal(await answer('timeout.example'), '504');
});

test('cross-namespace: only what is granted is sent on; the rest is a 500', async () => {
  const port = upstreams.get('echo')?.port ?? 0;
  await stage.apply(...['granted', 'not-granted'].flatMap((name) => serviceIn('back', name, port)));
  const printed = await apply('cross-namespace.yaml');
  assert.match(printed, /ReferenceGrant/);
  assert.equal(await answer('cross.example', '/allowed'), 'echo');
  assert.equal(await answer('cross.example', '/refused'), '500');
  assert.equal(
    await conditions('httproutes', 'cross', 'front'),
    'Accepted=True ResolvedRefs=False(RefNotPermitted)',
  );
});

function serviceIn(namespace: string, name: string, port: number): object[] {
  return [
    {
      ...{ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace } },
      spec: { ports: [{ name: 'http', port: 8080 }] },
    },
    {
      ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4' },
      metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } },
      ports: [{ name: 'http', port }],
      endpoints: [{ addresses: ['127.0.0.1'] }],
    },
  ];
}

test('grpc: by service and method, and by header', async () => {
  for (const name of ['foo-svc', 'foo-svc-canary']) {
    const port = await listenOn(grpcServer(name));
    await stage.apply(...grpcService(name, port));
  }
  await apply('grpc.yaml');
  assert.equal(await call('/com.Example/Login'), '0 foo-svc');
  assert.equal(await call('/com.Example/Logout'), '12', 'UNIMPLEMENTED');
  assert.equal(await call('/com.Example/Logout', { env: 'canary' }), '0 foo-svc-canary');
});

function grpcService(name: string, port: number): object[] {
  const [service, slice] = serviceIn('default', name, port) as [object, object];
  const ports = [
    { name: 'http', port: 8080 },
    { name: 'grpc', port: 50051 },
  ];
  return [
    { ...service, spec: { ports } },
    { ...slice, ports: [{ name: 'grpc', port }] },
  ];
}

/** Answers every call with its name. */
function grpcServer(name: string): Http2Server {
  const server = createHttp2Server();
  server.on('stream', (stream) => {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'x-name': name },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.resume().end();
  });
  return server;
}

/** The status of a call, and who answered. */
function call(path: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`http://127.0.0.1:${stage.gateway}`);
    session.on('error', reject);
    const request = session.request({
      ...{ ':method': 'POST', ':path': path, ':authority': 'grpc.example.com' },
      ...{ 'content-type': 'application/grpc', te: 'trailers', ...headers },
    });
    let [status, name] = ['', ''];
    const read = (fields: Readonly<Record<string, unknown>>): void => {
      if (fields['grpc-status'] !== undefined) status = String(fields['grpc-status']);
      if (fields['x-name'] !== undefined) name = String(fields['x-name']);
    };
    request.on('response', read).on('trailers', read).on('error', reject);
    request.on('close', () => {
      session.close();
      resolve(`${status} ${name}`.trim());
    });
    request.resume().end();
  });
}

test('tls-and-tcp: passed through by server name, and a plain port', async () => {
  const nowMs = Date.now();
  const { chain, key } = await issueCertificate({
    ...{ subject: 'CN=its own', dnsNames: ['secure.example.com'] },
    ...{ notBefore: new Date(nowMs - 60_000), notAfter: new Date(nowMs + 3_600_000) },
  });
  const secure = await listenOn(createTlsServer({ cert: chain, key }));
  const plain = await listenOn(createTcpServer((socket) => socket.end('plain')));
  await stage.register(
    { name: 'secure', port: secure, tags: [] },
    { name: 'plain-tcp', port: plain, tags: [] },
  );
  const [tls, tcp] = [await freePort(), await freePort()];
  await apply('tls-and-tcp.yaml', { 18443: tls, 18081: tcp });
  assert.equal(await waitUntil(() => said(tcp), { what: 'the plain port' }), 'plain');
  assert.equal(await shown(tls, 'secure.example.com'), 'its own');
  await assert.rejects(shown(tls, 'other.example.com'), 'nobody has that name');
  assert.equal(await conditions('gateways', 'l4'), 'Accepted=True Programmed=True');
});

async function listenOn(server: Server | Http2Server): Promise<number> {
  const held = new Set<Socket>();
  server.on('connection', (socket: Socket) => held.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  scope.after(() => {
    for (const socket of held) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** All that a server says to somebody who says nothing. */
function said(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1').setEncoding('utf8').on('error', reject);
    socket.on('data', (more: string) => {
      text += more;
    });
    socket.on('close', () => resolve(text));
  });
}

/** The common name of the certificate that is shown for a server name. */
function shown(port: number, servername: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: '127.0.0.1', servername, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

test('every file was applied', () => {
  assert.deepEqual([...applied].sort(), [...filesOf('gateway-api')].sort());
});
