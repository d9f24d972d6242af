import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { type Socket as TcpSocket, connect as tcpConnect } from 'node:net';
import { before, test } from 'node:test';
import { type ConnectionOptions, connect, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type {
  Certificate,
  Listener,
  TlsAction,
  TlsHost,
  TrafficMessage,
} from '@portolan/core/traffic/model.ts';
import { edgeTable } from '@portolan/core/traffic/route.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import type { Issued } from '../../certificates/issue.ts';
import type { GatewayLimits } from '../limits.ts';
import { proxyHeader } from '../proxy-protocol/write.ts';
import {
  cluster,
  endpoint,
  modelOf,
  Recorder,
  startPlane,
  startServer,
  statusOf,
  type TestScope,
} from '../testdata/plane-rig.ts';
import { TestAuthority } from '../testdata/test-certificates.ts';

let authority: TestAuthority;
let certificates: Record<string, Issued>;

before(async () => {
  authority = await TestAuthority.create();
  const [a, aRsa, wild, fallback, renewed] = await Promise.all([
    authority.issue(['a.test']),
    authority.issue(['a.test'], { algorithm: 'rsa' }),
    authority.issue(['*.wild.test']),
    authority.issue(['default.test']),
    authority.issue(['a.test'], { subject: 'CN=renewed' }),
  ]);
  certificates = { a, aRsa, wild, fallback, renewed };
});

function certificateOf(name: string, from = name): Certificate {
  const { chain, key } = certificates[from] as Issued;
  return { name, chain, key };
}

function terminating(
  name: string,
  serverNames: readonly string[],
  shown: readonly string[],
  more: Partial<Extract<TlsAction, { type: 'terminate' }>> = {},
): TlsHost {
  const then = { type: 'http', table: edgeTable } as const;
  return {
    name,
    table: edgeTable,
    serverNames,
    action: { type: 'terminate', certificates: shown, then, ...more },
  };
}

const door: Listener = { name: 'gateway-tls', protocol: 'tls', bind: 'gateway-tls', table: edgeTable };

interface TlsModel {
  readonly hosts: readonly TlsHost[];
  readonly certificates: readonly Certificate[];
  readonly upstream: number;
  readonly door?: Listener;
}

/** Every HTTP host is served by one cluster, `web`. */
function tlsModel({ hosts, certificates, upstream, door: listener = door }: TlsModel): TrafficMessage {
  const model = modelOf({ '*': cluster('web', [endpoint(upstream)]) });
  return {
    ...model,
    listeners: { put: [listener], remove: [] },
    tlsHosts: { put: hosts, remove: [] },
    certificates: { put: certificates, remove: [] },
  };
}

async function webServer(t: TestScope): Promise<{ port: number; recorder: Recorder }> {
  const recorder = new Recorder();
  const { port } = await startServer(t, (socket) => recorder.serve(socket));
  return { port, recorder };
}

const tlsDoor = { kind: 'stream', key: 'gateway-tls' } as const;

function startTls(t: TestScope, model: TrafficMessage, limits: Partial<GatewayLimits> = {}) {
  return startPlane(t, model, { door: tlsDoor, limits });
}

interface Seen {
  readonly socket: TLSSocket;
  readonly commonName: string;
}

async function tlsConnect(t: TestScope, port: number, options: ConnectionOptions = {}): Promise<Seen> {
  const socket = connect({ port, host: '127.0.0.1', ca: authority.chain, ...options });
  t.after(() => {
    socket.destroy();
  });
  socket.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed')));
  });
  return { socket, commonName: String(socket.getPeerCertificate().subject?.CN) };
}

async function request(socket: TLSSocket | TcpSocket, host: string, lines = ''): Promise<string> {
  let answer = '';
  const onData = (bytes: Buffer): void => {
    answer += bytes.toString('latin1');
  };
  socket.on('data', onData);
  socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`);
  await waitUntil(() => /\r\n\r\n/.test(answer) || socket.destroyed);
  socket.off('data', onData);
  return answer;
}

test('each server name gets its certificate: exact, wildcard, and the default for none or another', async (t) => {
  const { port: upstream } = await webServer(t);
  const hosts = [
    terminating('edge', ['*'], ['fallback', 'a', 'wild']),
    terminating('deep', ['*.deep.test'], ['fallback']),
  ];
  const all = ['a', 'wild', 'fallback'].map((name) => certificateOf(name));
  const { port } = startTls(t, tlsModel({ hosts, certificates: all, upstream }));
  const lax = { rejectUnauthorized: false };
  const shown = async (options: ConnectionOptions): Promise<string> =>
    (await tlsConnect(t, port, { ...lax, ...options })).commonName;
  assert.equal(await shown({ servername: 'a.test' }), 'a.test');
  assert.equal(await shown({ servername: 'A.TEST' }), 'a.test');
  assert.equal(await shown({ servername: 'x.wild.test' }), '*.wild.test');
  assert.equal(
    await shown({ servername: 'x.y.wild.test' }),
    'default.test',
    '* is one label in a certificate',
  );
  assert.equal(await shown({ servername: 'other.test' }), 'default.test');
  assert.equal(await shown({ servername: '' }), 'default.test');
  assert.equal(await shown({ servername: 'b.a.deep.test' }), 'default.test');
});

test('requests over TLS are served, and told as https', async (t) => {
  const { port: upstream, recorder } = await webServer(t);
  const model = tlsModel({
    hosts: [terminating('edge', ['*'], ['a'])],
    certificates: [certificateOf('a')],
    upstream,
  });
  const { port, plane } = startTls(t, model);
  const { socket } = await tlsConnect(t, port, { servername: 'a.test', ALPNProtocols: ['http/1.1'] });
  assert.equal(socket.alpnProtocol, 'http/1.1');
  assert.equal(statusOf(await request(socket, 'a.test')), 200);
  assert.equal(statusOf(await request(socket, 'a.test', 'ssl-client-verify: SUCCESS\r\n')), 200);
  assert.match(recorder.seen, /X-Forwarded-Proto: https\r\n/);
  assert.doesNotMatch(recorder.seen, /ssl-client/i, 'what a client says of its certificate goes nowhere');
  socket.destroy();
  await waitUntil(() => plane.openConnections === 0);
});

test('a client gets the certificate of the algorithm that it knows', async (t) => {
  const { port: upstream } = await webServer(t);
  const hosts = [terminating('edge', ['*'], ['rsa', 'ec'])];
  const both = [certificateOf('rsa', 'aRsa'), certificateOf('ec', 'a')];
  const { port } = startTls(t, tlsModel({ hosts, certificates: both, upstream }));
  const keyOf = async (ciphers: string): Promise<string | undefined> => {
    const options = { servername: 'a.test', maxVersion: 'TLSv1.2', ciphers } as const;
    const { socket } = await tlsConnect(t, port, options);
    return socket.getPeerX509Certificate()?.publicKey.asymmetricKeyType;
  };
  assert.equal(await keyOf('ECDHE-RSA-AES128-GCM-SHA256'), 'rsa');
  assert.equal(await keyOf('ECDHE-ECDSA-AES128-GCM-SHA256'), 'ec');
});

test('a certificate is exchanged without a connection dropped, and a bad one takes nothing away', async (t) => {
  const { port: upstream } = await webServer(t);
  const hosts = [terminating('edge', ['*'], ['a'])];
  const model = tlsModel({ hosts, certificates: [certificateOf('a')], upstream });
  const { port, plane } = startTls(t, model);
  const old = await tlsConnect(t, port, { servername: 'a.test' });
  assert.equal(old.commonName, 'a.test');
  const nothing = { put: [], remove: [] };
  const changed = (certificate: Certificate): TrafficMessage => ({
    ...{
      type: 'update',
      revision: 2,
      listeners: nothing,
      clusters: nothing,
      virtualHosts: nothing,
      tlsHosts: nothing,
    },
    certificates: { put: [certificate], remove: [] },
  });
  plane.apply(changed(certificateOf('a', 'renewed')));
  assert.equal((await tlsConnect(t, port, { servername: 'a.test' })).commonName, 'renewed');
  assert.equal(statusOf(await request(old.socket, 'a.test')), 200, 'the old connection goes on');

  plane.apply(changed({ ...certificateOf('a', 'renewed'), key: certificateOf('a').key }));
  await assert.rejects(tlsConnect(t, port, { servername: 'a.test' }));
  assert.equal(plane.report().refusals['tls-no-certificate'], 1);
  assert.equal(statusOf(await request(old.socket, 'a.test')), 200);
});

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${maxVersion}: a session is resumed, by another worker too, until the ticket key changes`, async (t) => {
    const { port: upstream } = await webServer(t);
    const model = tlsModel({
      hosts: [terminating('edge', ['*'], ['a'])],
      certificates: [certificateOf('a')],
      upstream,
    });
    const ticketSecret = Buffer.alloc(32, 1);
    const first = startPlane(t, model, { door: tlsDoor, ticketSecret });
    const second = startPlane(t, model, { door: tlsDoor, ticketSecret });
    const { socket } = await tlsConnect(t, first.port, { servername: 'a.test', maxVersion });
    let session = socket.getSession();
    socket.on('session', (fresh) => {
      session = fresh;
    });
    await request(socket, 'a.test');
    const again = await tlsConnect(t, second.port, { servername: 'a.test', maxVersion, session });
    assert.equal(again.socket.isSessionReused(), true);
    second.plane.useTicketSecret(Buffer.alloc(32, 2));
    const later = await tlsConnect(t, second.port, { servername: 'a.test', maxVersion, session });
    assert.equal(later.socket.isSessionReused(), false);
  });
}

test('a client certificate: demanded, asked for, or judged by request', async (t) => {
  const { port: upstream, recorder } = await webServer(t);
  const { chain: ca } = authority;
  const auth = (mode: 'required' | 'optional' | 'status') => ({ clientAuth: { ca, mode, forward: true } });
  const hosts = [
    terminating('required', ['required.test'], ['a'], auth('required')),
    terminating('optional', ['optional.test'], ['a'], auth('optional')),
    terminating('status', ['status.test'], ['a'], auth('status')),
  ];
  const { port } = startTls(t, tlsModel({ hosts, certificates: [certificateOf('a')], upstream }));
  const good = await authority.issue(['client'], { subject: 'CN=jürgen, O=Ports' });
  const stranger = await (await TestAuthority.create('Stranger')).issue(['client'], { subject: 'CN=admin' });
  const ask = async (name: string, client?: Issued): Promise<string> => {
    const options = { servername: name, rejectUnauthorized: false };
    const shown = client === undefined ? {} : { cert: client.chain, key: client.key };
    const { socket } = await tlsConnect(t, port, { ...options, ...shown });
    return await request(socket, name, 'SSL-Client-Verify: SUCCESS\r\nssl-client-subject-dn: CN=root\r\n');
  };
  assert.equal(statusOf(await ask('required.test', good)), 200);
  assert.match(
    recorder.seen,
    /ssl-client-verify: SUCCESS\r\nssl-client-subject-dn: O=Ports,CN=j\\C3\\BCrgen\r\n/,
  );
  const forwarded = /ssl-client-cert: (.*)\r\n/.exec(recorder.seen)?.[1] ?? '';
  assert.equal(decodeURIComponent(forwarded).trim(), good.chain.trim());
  for (const client of [undefined, stranger]) {
    const refused = await ask('required.test', client).catch(() => '');
    assert.equal(refused, '', 'no connection without a certificate that is valid');
    assert.equal(statusOf(await ask('optional.test', client)), 200);
    assert.equal(statusOf(await ask('status.test', client)), 400);
  }
  assert.equal(statusOf(await ask('status.test', good)), 200);
  assert.match(recorder.seen, /ssl-client-verify: NONE\r\n/);
  assert.match(recorder.seen, /ssl-client-verify: FAILED:\S+\r\nssl-client-subject-dn: CN=admin\r\n/);
  assert.doesNotMatch(recorder.seen, /CN=root/, 'a client does not say who it is');
});

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${maxVersion}: who was refused for his certificate does not come in by resuming a session`, async (t) => {
    const { port: upstream, recorder } = await webServer(t);
    const root = authority;
    const middle = await TestAuthority.create('Middle', root);
    const auth = (mode: 'required' | 'status', maxDepth?: number) => ({
      clientAuth: { ca: root.chain, mode, ...(maxDepth === undefined ? {} : { maxDepth }) },
    });
    const hosts = [
      terminating('required', ['required.test'], ['a'], auth('required')),
      terminating('status', ['status.test'], ['a'], auth('status')),
      terminating('flat', ['flat.test'], ['a'], auth('status', 0)),
      terminating('deep', ['deep.test'], ['a'], auth('status', 1)),
    ];
    const { port } = startTls(t, tlsModel({ hosts, certificates: [certificateOf('a')], upstream }));
    const good = await root.issue(['good']);
    const below = await middle.issue(['below']);
    const chained = { ...below, chain: below.chain + middle.chain };
    const stranger = await (await TestAuthority.create('Stranger')).issue(['stranger']);
    const lax = { rejectUnauthorized: false, maxVersion } as const;
    const twice = async (name: string, client: Issued): Promise<readonly number[]> => {
      const statuses: number[] = [];
      const sessions: Buffer[] = [];
      for (let round = 0; round < 2; round++) {
        const session = sessions.at(-1);
        const shown = { cert: client.chain, key: client.key, ...(session === undefined ? {} : { session }) };
        const socket = connect({ port, host: '127.0.0.1', servername: name, ...lax, ...shown });
        socket.on('session', (one) => sessions.push(one)).on('error', () => undefined);
        t.after(() => {
          socket.destroy();
        });
        socket.write(`GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`);
        let answer = '';
        socket.on('data', (bytes) => {
          answer += bytes;
        });
        await waitUntil(() => answer.includes('\r\n\r\n') || socket.destroyed);
        statuses.push(statusOf(answer));
      }
      return statuses;
    };
    assert.deepEqual(await twice('required.test', good), [200, 200]);
    assert.equal(
      recorder.seen.split('ssl-client-verify: SUCCESS').length,
      3,
      'a resumed session knows who it is',
    );
    assert.deepEqual(await twice('required.test', stranger), [0, 0]);
    assert.deepEqual(await twice('status.test', stranger), [400, 400]);
    assert.deepEqual(await twice('status.test', chained), [200, 200]);
    assert.deepEqual(await twice('flat.test', chained), [400, 400], 'one authority between');
    assert.deepEqual(await twice('flat.test', good), [200, 200]);
    assert.deepEqual(await twice('deep.test', chained), [200, 200]);
  });
}

test('over HTTP/2 too a request is held to its host', async (t) => {
  const { port: upstream } = await webServer(t);
  const hosts = [
    terminating('open', ['open.test'], ['a']),
    terminating('secret', ['secret.test'], ['a'], { clientAuth: { ca: authority.chain, mode: 'required' } }),
  ];
  const { port } = startTls(t, tlsModel({ hosts, certificates: [certificateOf('a')], upstream }));
  const session = connectHttp2(`https://open.test:${port}`, {
    createConnection: () =>
      connect({
        port,
        host: '127.0.0.1',
        servername: 'open.test',
        rejectUnauthorized: false,
        ALPNProtocols: ['h2'],
      }),
  });
  t.after(() => session.destroy());
  const ask = async (authority: string): Promise<unknown> => {
    const stream = session.request({ ':authority': authority });
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    stream.close();
    return headers[':status'];
  };
  assert.equal(await ask('open.test'), 200);
  assert.equal(await ask('secret.test'), 421);
});

test('a request for a host that asks for more than its connection gave is answered 421', async (t) => {
  const { port: upstream } = await webServer(t);
  const hosts = [
    terminating('open', ['open.test', 'also.test'], ['a']),
    terminating('other', ['other.test'], ['a']),
    terminating('secret', ['*.secret.test'], ['a'], {
      clientAuth: { ca: authority.chain, mode: 'required' },
    }),
  ];
  const { port } = startTls(t, tlsModel({ hosts, certificates: [certificateOf('a')], upstream }));
  const options = { servername: 'open.test', rejectUnauthorized: false };
  for (const [host, status] of [
    ['open.test', 200],
    ['also.test', 200],
    ['other.test', 200],
    ['unknown.test', 200],
    ['x.secret.test', 421],
    ['X.Secret.TEST:443', 421],
  ] as const) {
    const { socket } = await tlsConnect(t, port, options);
    assert.equal(statusOf(await request(socket, host)), status, host);
  }
});

test('passthrough leads by server name to upstreams that speak TLS themselves, what was read first', async (t) => {
  const backend = async (name: string): Promise<number> => {
    const { chain, key } = await authority.issue([name]);
    const server = createTlsServer({ cert: chain, key }, (socket) => socket.end(`this is ${name}`));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
      server.close();
    });
    return (server.address() as { port: number }).port;
  };
  const [one, two] = [await backend('one.test'), await backend('two.test')];
  const model = tlsModel({
    hosts: ['one', 'two'].map((name) => ({
      ...{ name, table: edgeTable, serverNames: [`${name}.test`] },
      action: { type: 'passthrough', targets: [{ weight: 1, cluster: name }, { weight: 0 }] },
    })),
    ...{ certificates: [], upstream: one },
  });
  const clusters = { put: [cluster('one', [endpoint(one)]), cluster('two', [endpoint(two)])], remove: [] };
  const { port, plane } = startTls(t, { ...model, clusters });
  for (const name of ['one.test', 'two.test']) {
    const { socket } = await tlsConnect(t, port, { servername: name });
    let said = '';
    socket.on('data', (bytes) => {
      said += bytes;
    });
    await once(socket, 'end');
    assert.equal(said, `this is ${name}`);
  }
  await assert.rejects(tlsConnect(t, port, { servername: 'three.test' }), /unrecognized name/);
  assert.equal(plane.report().refusals['tls-unknown-server-name'], 1);
});

test('TLS may be taken off for a TCP cluster too', async (t) => {
  const { port: upstream } = await startServer(t, (socket) => socket.pipe(socket));
  const then = { type: 'tcp', targets: [{ weight: 1, cluster: 'web' }] } as const;
  const model = tlsModel({
    hosts: [terminating('db', ['a.test'], ['a'], { then })],
    certificates: [certificateOf('a')],
    upstream,
  });
  const { port, plane } = startTls(t, model);
  const { socket } = await tlsConnect(t, port, { servername: 'a.test' });
  const large = 'x'.repeat(300_000);
  let echoed = '';
  socket.on('data', (bytes) => {
    echoed += bytes;
  });
  socket.end(large);
  await once(socket, 'end');
  assert.equal(echoed, large);
  await waitUntil(() => plane.openConnections === 0);
});

test('a PROXY protocol header may come before TLS, in one packet with the ClientHello or not', async (t) => {
  const { port: upstream, recorder } = await webServer(t);
  const hosts = [terminating('edge', ['*'], ['a'])];
  const behind: Listener = { ...door, proxyProtocol: true };
  const { port } = startTls(
    t,
    tlsModel({ hosts, certificates: [certificateOf('a')], upstream, door: behind }),
  );
  const source = { address: '192.0.2.9', port: 4_711 };
  for (const corked of [true, false]) {
    recorder.seen = '';
    const raw = tcpConnect(port, '127.0.0.1');
    await once(raw, 'connect');
    if (corked) raw.cork();
    raw.write(proxyHeader('v2', source, { address: '192.0.2.1', port: 443 }), 'latin1');
    const socket = connect({ socket: raw, servername: 'a.test', rejectUnauthorized: false });
    setImmediate(() => raw.uncork());
    t.after(() => {
      socket.destroy();
    });
    await once(socket, 'secureConnect');
    assert.equal(statusOf(await request(socket, 'a.test')), 200);
    assert.match(recorder.seen, /X-Forwarded-For: 192\.0\.2\.9\r\n/);
  }
  await assert.rejects(tlsConnect(t, port, { servername: 'a.test' }), 'no header, no TLS');
});

test('who never finishes the handshake is cut, and the oldest gives way to newcomers', async (t) => {
  const { port: upstream } = await webServer(t);
  const model = tlsModel({
    hosts: [terminating('edge', ['*'], ['a'])],
    certificates: [certificateOf('a')],
    upstream,
  });
  const slow = startTls(t, model, { handshakeTimeoutMs: 300 });
  const silent = tcpConnect(slow.port, '127.0.0.1');
  const dripping = tcpConnect(slow.port, '127.0.0.1', () =>
    dripping.write('\x16\x03\x01\x02\x00\x01', 'latin1'),
  );
  for (const socket of [silent, dripping]) socket.on('error', () => undefined);
  await Promise.all([once(silent, 'close'), once(dripping, 'close')]);
  assert.equal(slow.plane.report().refusals['entry-timeout'], 2);
  assert.equal(slow.plane.openConnections, 0);

  const crowded = startTls(t, model, { maxHandshakes: 2 });
  const hello = await recordedHello(t);
  const stalled = await Promise.all([1, 2, 3].map(() => stalledHandshake(t, crowded.port, hello)));
  await waitUntil(() => stalled.some((socket) => socket.destroyed));
  assert.equal(crowded.plane.openConnections, 2);
  const { socket } = await tlsConnect(t, crowded.port, { servername: 'a.test' });
  assert.equal(statusOf(await request(socket, 'a.test')), 200);
});

test('what is no TLS gets an alert, in clear', async (t) => {
  const { port: upstream } = await webServer(t);
  const model = tlsModel({
    hosts: [terminating('edge', ['*'], ['a'])],
    certificates: [certificateOf('a')],
    upstream,
  });
  const { port, plane } = startTls(t, model);
  const socket = tcpConnect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\n\r\n'));
  socket.on('error', () => undefined);
  const [alert] = (await once(socket, 'data')) as [Buffer];
  assert.deepEqual([...alert], [21, 3, 3, 0, 2, 2, 10]);
  await once(socket, 'close');
  assert.equal(plane.report().refusals['tls-client-hello'], 1);
});

test('the model may go away under connections: they go on, and newcomers are refused', async (t) => {
  const { port: upstream } = await webServer(t);
  const model = tlsModel({
    hosts: [terminating('edge', ['*'], ['a'])],
    certificates: [certificateOf('a')],
    upstream,
  });
  const { port, plane } = startTls(t, model);
  const { socket } = await tlsConnect(t, port, { servername: 'a.test' });
  plane.apply({ ...model, listeners: { put: [], remove: [] }, tlsHosts: { put: [], remove: [] } });
  assert.equal(statusOf(await request(socket, 'a.test')), 200);
  await assert.rejects(tlsConnect(t, port, { servername: 'a.test' }));
});

/** What a real client says first. */
async function recordedHello(t: TestScope): Promise<Buffer> {
  let hello = Buffer.alloc(0);
  const { port } = await startServer(t, (socket) => {
    socket.on('data', (bytes: Buffer) => {
      hello = Buffer.concat([hello, bytes]);
    });
  });
  const client = connect({ port, host: '127.0.0.1', servername: 'a.test' });
  client.on('error', () => undefined);
  await waitUntil(() => hello.length > 100);
  client.destroy();
  return hello;
}

/** Gets an answer to its ClientHello, and says no more. */
async function stalledHandshake(t: TestScope, port: number, hello: Buffer): Promise<TcpSocket> {
  const socket = tcpConnect(port, '127.0.0.1', () => socket.write(hello));
  socket.on('error', () => undefined).on('data', () => undefined);
  t.after(() => {
    socket.destroy();
  });
  await new Promise<void>((resolve) => {
    socket.once('data', () => resolve());
    socket.once('close', () => resolve());
  });
  return socket;
}
