import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { issueCertificate } from '@portolan/server/certificates/issue.ts';
import { type EchoUpstream, echoUpstream } from '@portolan/server/proxy/testdata/policy-rig.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { filesOf, ingress, path, type Scope, type Stage, startStage, tlsSecret } from './manifests-rig.ts';

// The Ingress examples of Kubernetes' documentation as they are, and what goes wrong in practice, by real requests. The annotations of
// ingress-nginx one by one are in ingress-nginx.test.ts.

const ends: (() => Promise<void> | void)[] = [];
const scope: Scope = { after: (callback) => void ends.unshift(callback) };
const applied = new Set<string>();
let stage: Stage;
let service1: EchoUpstream;

before(async () => {
  stage = await startStage(scope, 'kubernetes-ingress');
  for (const name of ['service1', 'service2', 'service3', 'test']) {
    const upstream = await echoUpstream(scope, name);
    if (name === 'service1') service1 = upstream;
    await stage.register({ name, port: upstream.port, tags: [] });
  }
});

after(async () => {
  for (const end of ends) await end();
});

async function apply(file: string): Promise<string> {
  const printed = await stage.applyFile(file);
  applied.add(file);
  return printed;
}

async function answer(host: string, at = '/'): Promise<string> {
  const { status, body } = await stage.ask(host, { path: at });
  return status === 200 ? body : String(status);
}

function of(name: string, spec: object, annotations: Readonly<Record<string, string>> = {}): object {
  return ingress(name, annotations, spec);
}

function rule(host: string, ...paths: readonly object[]): object {
  return { host, http: { paths } };
}

/** The common name of the certificate that is shown for a server name. */
function shownFor(servername: string | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls(
      { port: stage.tls, host: '127.0.0.1', rejectUnauthorized: false, ...(servername && { servername }) },
      () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      },
    );
    socket.on('error', reject);
  });
}

/** What is said about resources, as `severity code subject`. */
async function diagnostics(): Promise<readonly string[]> {
  const { diagnostics: all } = (await (await fetch(`${stage.url}/portolan/v1/diagnostics`)).json()) as {
    diagnostics: { severity: string; code: string; subject: string }[];
  };
  return all.map(({ severity, code, subject }) => `${severity} ${code} ${subject}`);
}

test('minimal-ingress: a class by its controller, and a path that is rewritten for every host', async () => {
  await apply('minimal-ingress.yaml');
  assert.equal(await answer('any.example', '/testpath/x'), 'test');
  assert.equal(await answer('any.example', '/testpath'), 'test');
  assert.equal(await answer('any.example', '/else'), '404');
  await stage.clear();
});

test('simple-fanout-example: by path, to ports by number', async () => {
  await apply('simple-fanout-example.yaml');
  assert.equal(await answer('foo.bar.com', '/foo'), 'service1');
  assert.equal(await answer('foo.bar.com', '/bar/x'), 'service2');
  assert.equal(await answer('foo.bar.com', '/barely'), '404');
  assert.equal(await answer('bar.foo.com', '/foo'), '404');
  await stage.clear();
});

test('name-virtual-host-ingress, with and without the third host', async () => {
  await apply('name-virtual-host-ingress.yaml');
  assert.deepEqual([await answer('foo.bar.com'), await answer('bar.foo.com')], ['service1', 'service2']);
  assert.equal(await answer('else.example'), '404');
  await apply('name-virtual-host-ingress-no-third-host.yaml');
  assert.deepEqual(
    [await answer('first.bar.com'), await answer('second.bar.com'), await answer('else.example')],
    ['service1', 'service2', 'service3'],
  );
  await stage.clear();
});

test('ingress-wildcard-host: one label, and not the host itself', async () => {
  await apply('ingress-wildcard-host.yaml');
  assert.equal(await answer('foo.bar.com', '/bar'), 'service1');
  assert.equal(await answer('a.foo.com', '/foo'), 'service2');
  assert.equal(await answer('foo.com', '/foo'), '404');
  assert.equal(await answer('a.b.foo.com', '/foo'), '404');
  await stage.clear();
});

test('test-ingress: what nobody else has goes to the default backend', async () => {
  await apply('test-ingress.yaml');
  assert.equal(await answer('whatever.example', '/x/y'), 'test');
  await stage.clear();
});

test('old-shape: converted, and said so', async () => {
  const printed = await apply('old-shape.yaml');
  assert.match(printed, /warning: .*extensions\/v1beta1/);
  assert.equal(await answer('old.bar.com', '/testpath'), 'service1');
  assert.equal(await answer('old.bar.com', '/testpath/more'), 'service1');
  assert.equal(await answer('old.bar.com', '/'), '404');
  await stage.clear();
});

test('tls-example-ingress: the default certificate until the secret is there, 308 to HTTPS', async () => {
  await apply('tls-example-ingress.yaml');
  const host = 'https-example.foo.com';
  const usual = await shownFor(host);
  assert.equal((await stage.askTls(host)).body, 'service1');
  assert.ok(
    (await diagnostics()).some((line) => /certificate.* ingress\/default\/tls-example-ingress/.test(line)),
  );
  await stage.apply(await tlsSecret('testsecret-tls', [host]));
  assert.notEqual(usual, 'testsecret-tls');
  assert.equal(await shownFor(host), 'testsecret-tls');
  assert.equal(await shownFor('other.example'), usual);
  assert.deepEqual(
    (await diagnostics()).filter((line) => line.endsWith('tls-example-ingress')),
    [],
  );
  const { status, headers } = await stage.ask(host, { path: '/a?b=c' });
  assert.equal(status, 308);
  assert.match(headers.location ?? '', /^https:\/\/https-example\.foo\.com(?::\d+)?\/a\?b=c$/);
  assert.equal((await stage.askTls(host, { path: '/a?b=c' })).body, 'service1');
  assert.equal(service1.seen.at(-1)?.url, '/a?b=c');
  assert.equal(service1.seen.at(-1)?.headers['x-forwarded-proto'], 'https');
  await stage.clear();
});

test('every file was applied', () => {
  assert.deepEqual([...applied].sort(), [...filesOf('kubernetes-ingress')].sort());
});

test('trouble with TLS: wildcards, two secrets for one host, hosts that no rule has', async () => {
  await stage.apply(
    await tlsSecret('wild', ['*.w.example']),
    await tlsSecret('exact', ['a.w.example']),
    await tlsSecret('second', ['two.example']),
    await tlsSecret('first', ['two.example']),
    await tlsSecret('unruled', ['unruled.example']),
    {
      ...of('a-wild', {
        rules: [rule('*.w.example', path('/', 'service1'))],
        tls: [{ hosts: ['*.w.example'], secretName: 'wild' }],
      }),
    },
    {
      ...of('b-exact', {
        rules: [rule('a.w.example', path('/', 'service2'))],
        tls: [{ hosts: ['a.w.example'], secretName: 'exact' }],
      }),
    },
    older('first', '2020-01-01T00:00:00Z', 'first'),
    older('second', '2021-01-01T00:00:00Z', 'second'),
    of('unruled', {
      rules: [rule('ruled.example', path('/', 'service3'))],
      tls: [{ hosts: ['unruled.example'], secretName: 'unruled' }],
    }),
  );
  assert.deepEqual(
    [await shownFor('b.w.example'), await shownFor('a.w.example'), await shownFor('two.example')],
    ['wild', 'exact', 'first'],
  );
  assert.deepEqual(
    [(await stage.askTls('b.w.example')).body, (await stage.askTls('a.w.example')).body],
    ['service1', 'service2'],
  );
  // One label only, as with hosts.
  assert.notEqual(await shownFor('b.c.w.example'), 'wild');
  // The certificate is by the server name, the route by the host.
  assert.equal(await shownFor('unruled.example'), 'unruled');
  assert.equal((await stage.askTls('unruled.example')).status, 404);
  assert.equal((await stage.askTls('ruled.example')).body, 'service3');
  const said = await diagnostics();
  assert.ok(
    said.some((line) => / ingress\/default\/second$/.test(line)),
    `${said}`,
  );
  assert.ok(
    said.some((line) => / ingress\/default\/unruled$/.test(line)),
    `${said}`,
  );
  await stage.clear();
});

function older(name: string, creationTimestamp: string, secretName: string): object {
  const spec = {
    rules: [rule('two.example', path(`/${name}`, 'service1'))],
    tls: [{ hosts: ['two.example'], secretName }],
  };
  return {
    ...{ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress' },
    ...{ metadata: { name, creationTimestamp }, spec },
  };
}

test('trouble with backends and paths: each costs only itself', async () => {
  const service = (name: string, ports: readonly object[]): object => ({
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name } },
    spec: { ports, selector: { app: name } },
  });
  await stage.apply(
    service('empty', [{ port: 80 }]),
    of('lonely', {
      rules: [
        rule('lonely.example', path('/', 'empty'), path('/nobody', 'nobody'), path('/fine', 'service1')),
      ],
    }),
  );
  assert.deepEqual(
    [await answer('lonely.example'), await answer('lonely.example', '/nobody')],
    ['503', '503'],
  );
  assert.equal(await answer('lonely.example', '/fine'), 'service1');

  const refused = async (...manifests: readonly object[]): Promise<string> => {
    const { refused: count, results } = JSON.parse(await stage.apply(...manifests)) as {
      refused: number;
      results: { problems: { message: string; path: string; suggestion?: string }[] }[];
    };
    assert.equal(count, 1);
    return results.flatMap(({ problems }) => problems.map((one) => `${one.path}: ${one.message}`)).join('\n');
  };
  assert.match(
    await refused(of('lonely', { rules: [rule('lonely.example', path('fine', 'service2'))] })),
    /spec\.rules\[0\]\.http\.paths\[0\]\.path: .*slash/,
  );
  assert.equal(await answer('lonely.example', '/fine'), 'service1', 'the last good version');
  assert.match(
    await refused(
      service('twice', [
        { name: 'a', port: 80 },
        { name: 'b', port: 80 },
      ]),
    ),
    /spec\.ports\[1\].*80/,
  );
  await stage.clear();
});

test('a thousand hosts on one Ingress', async () => {
  const rules = Array.from({ length: 1_000 }, (_, n) =>
    rule(`h${n}.many.example`, path('/', n % 2 ? 'service1' : 'service2')),
  );
  await stage.apply(of('many', { rules }));
  for (const n of [0, 1, 499, 998, 999]) {
    assert.equal(await answer(`h${n}.many.example`), n % 2 ? 'service1' : 'service2');
  }
  assert.equal(await answer('h1000.many.example'), '404');
  await stage.clear();
});

test('timeouts of an Ingress, and TLS that is passed through by its server name', async () => {
  const nowMs = Date.now();
  const own = await issueCertificate({
    ...{ subject: 'CN=own', dnsNames: ['through.example'] },
    ...{ notBefore: new Date(nowMs - 60_000), notAfter: new Date(nowMs + 3_600_000) },
  });
  const secure = createServer({ cert: own.chain, key: own.key }, (_, response) => response.end('secure'));
  // It takes connections and never says a word.
  const silent = createTcpServer();
  const held = new Set<Socket>();
  silent.on('connection', (socket) => held.add(socket));
  await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  scope.after(() => {
    secure.closeAllConnections();
    secure.close();
    for (const socket of held) socket.destroy();
    silent.close();
  });
  await stage.register({ name: 'secure', port: (secure.address() as AddressInfo).port, tags: [] });
  await stage.register({ name: 'silent', port: (silent.address() as AddressInfo).port, tags: [] });
  await stage.apply(
    of(
      'through',
      { rules: [rule('through.example', path('/', 'secure', 443))] },
      { 'nginx.ingress.kubernetes.io/ssl-passthrough': 'true' },
    ),
    of(
      'impatient',
      { rules: [rule('impatient.example', path('/', 'silent'))] },
      { 'nginx.ingress.kubernetes.io/proxy-read-timeout': '1' },
    ),
  );
  assert.equal(await shownFor('through.example'), 'own');
  assert.equal((await stage.askTls('through.example')).body, 'secure');
  assert.equal((await stage.ask('impatient.example')).status, 504);
  await stage.clear();
});

test('rules are edited twenty times under load, and no request fails', async () => {
  const to = (name: string): object =>
    of('edited', {
      rules: [
        rule('edited.example', path('/', name), path(`/only-${name}`, name)),
        rule(`${name}.edited.example`, path('/', name)),
      ],
    });
  await stage.apply(to('service1'));
  const answers = new Map<string, number>();
  let done = false;
  const load = (async () => {
    while (!done) {
      for (const [body, count] of await stage.tally('edited.example', 64)) {
        answers.set(body, (answers.get(body) ?? 0) + count);
      }
    }
  })();
  for (let n = 0; n < 20; n++) await stage.apply(to(`service${((n + 1) % 3) + 1}`));
  done = true;
  await load;
  assert.deepEqual([...answers.keys()].sort(), ['service1', 'service2', 'service3']);
  await waitUntil(async () => (await answer('edited.example')) === 'service3', { what: 'the last edit' });
});
