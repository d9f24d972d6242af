import assert from 'node:assert/strict';
import * as http from 'node:http';
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { issueCertificate } from '@portolan/server/certificates/issue.ts';
import { type EchoUpstream, echoUpstream } from '@portolan/server/proxy/testdata/policy-rig.ts';
import { launchPortolan } from '@portolan/testkit/launch-portolan.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';

// What ingress-nginx's annotations and Kubernetes' Ingress mean, by real requests through a real server and its gateway.

const prefix = 'nginx.ingress.kubernetes.io/';

interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

interface Asked extends Pick<https.RequestOptions, 'cert' | 'key'> {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string;
}

interface Stage {
  readonly url: string;
  readonly tls: number;
  readonly web: EchoUpstream;
  readonly api: EchoUpstream;
  apply(...manifests: readonly object[]): Promise<string>;
  ask(host: string, asked?: Asked): Promise<Reply>;
  askTls(host: string, asked?: Asked): Promise<Reply>;
}

async function stage(t: TestContext): Promise<Stage> {
  const [web, api] = [await echoUpstream(t, 'web'), await echoUpstream(t, 'api')];
  const server = await launchPortolan({
    test: t,
    listen: ['gateway-tls=127.0.0.1:0'],
    args: ['--gateway-workers', '1'],
  });
  await register(server.url, 'web', web.port);
  await register(server.url, 'api', api.port);
  const [gateway, tls] = [server.port('gateway'), server.port('gateway-tls')];
  const ask = (host: string, asked: Asked = {}): Promise<Reply> =>
    send(http.request({ ...optionsOf(host, asked), port: gateway }), asked.body);
  const askTls = (host: string, asked: Asked = {}): Promise<Reply> =>
    send(
      https.request({
        ...optionsOf(host, asked),
        ...(asked.cert === undefined ? {} : { cert: asked.cert, key: asked.key }),
        port: tls,
        servername: host,
        rejectUnauthorized: false,
      }),
      asked.body,
    );
  let round = 0;
  return {
    url: server.url,
    tls,
    web,
    api,
    ask,
    askTls,
    async apply(...manifests) {
      round += 1;
      const location = `/round-${round}`;
      // The last of them: where it is in force the others are.
      const marker = ingress('zz-marker', { [`${prefix}permanent-redirect`]: location }, [
        rule('marker.test', path('/', 'web')),
      ]);
      const body = [...manifests, marker].map((one) => JSON.stringify(one)).join('\n---\n');
      const response = await fetch(`${server.url}/portolan/v1/apply`, { method: 'POST', body });
      const text = await response.text();
      assert.equal(response.status, 200, text);
      await waitUntil(async () => (await ask('marker.test')).headers.location === location, {
        what: 'the gateway to have the rules',
      });
      return text;
    },
  };
}

async function register(url: string, name: string, port: number, more: object = {}): Promise<void> {
  const body = JSON.stringify({ Name: name, Port: port, Address: '127.0.0.1', ...more });
  const response = await fetch(`${url}/v1/agent/service/register`, { method: 'PUT', body });
  assert.equal(response.status, 200);
}

function optionsOf(
  host: string,
  { path: at = '/', method = 'GET', headers = {} }: Asked,
): http.RequestOptions {
  return { host: '127.0.0.1', agent: false, method, path: at, headers: { host, ...headers } };
}

function send(request: http.ClientRequest, body = ''): Promise<Reply> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
    });
    request.end(body);
  });
}

function ingress(
  name: string,
  annotations: Readonly<Record<string, string>>,
  rules: readonly object[],
  more: object = {},
): object {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name, annotations },
    spec: { rules, ...more },
  };
}

/** Annotations of ingress-nginx by their short names. */
function nginx(annotations: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(annotations).map(([name, value]) => [`${prefix}${name}`, value]));
}

function rule(host: string | undefined, ...paths: readonly object[]): object {
  return { ...(host === undefined ? {} : { host }), http: { paths } };
}

function path(text: string, service: string, pathType = 'Prefix'): object {
  return { path: text, pathType, backend: { service: { name: service, port: { number: 80 } } } };
}

function secret(name: string, data: Readonly<Record<string, string>>): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: data };
}

type Issued = Awaited<ReturnType<typeof issueCertificate>>;

/** Signed by `authority`, or an authority itself. */
function issued(name: string, dnsNames: readonly string[], authority?: Issued): Promise<Issued> {
  const nowMs = Date.now();
  return issueCertificate({
    subject: `CN=${name}`,
    dnsNames,
    notBefore: new Date(nowMs - 60_000),
    notAfter: new Date(nowMs + 3_600_000),
    ...(authority === undefined ? { authority: dnsNames.length === 0 } : { issuer: authority.issuer }),
  });
}

async function tlsSecret(name: string, dnsNames: readonly string[]): Promise<object> {
  const { chain, key } = await issued(name, dnsNames);
  return { ...secret(name, { 'tls.crt': chain, 'tls.key': key }), type: 'kubernetes.io/tls' };
}

/** The common name of the certificate that is shown for a server name. */
function shownFor(port: number, servername: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: '127.0.0.1', servername, rejectUnauthorized: false }, () => {
      const { CN } = socket.getPeerCertificate().subject;
      resolve(String(CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

test('paths, wildcard hosts and default backends, as Kubernetes has them', async (t) => {
  const { apply, ask } = await stage(t);
  await apply(
    ingress('paths', {}, [
      rule('a.test', path('/foo', 'web'), path('/foo/bar', 'api'), path('/exact', 'api', 'Exact')),
      rule('*.w.test', path('/', 'api')),
    ]),
    ingress('default', {}, [rule('d.test', path('/x', 'web'))], {
      defaultBackend: { service: { name: 'api', port: { number: 80 } } },
    }),
  );
  const body = async (host: string, at: string): Promise<string | number> => {
    const { status, body: text } = await ask(host, { path: at });
    return status === 200 ? text : status;
  };
  assert.equal(await body('a.test', '/foo'), 'web');
  assert.equal(await body('A.test:8080', '/foo/'), 'web');
  assert.equal(await body('a.test', '/foo/bar/baz'), 'api');
  assert.equal(await body('a.test', '/foo/barbaz'), 'web');
  assert.equal(await body('a.test', '/foobar'), 404);
  assert.equal(await body('a.test', '/exact'), 'api');
  assert.equal(await body('a.test', '/exact/'), 404);
  assert.equal(await body('one.w.test', '/'), 'api');
  // One label only: it goes where hosts go that nobody has.
  assert.equal(await body('two.one.w.test', '/'), 'api');
  assert.equal(await body('d.test', '/x/y'), 'web');
  assert.equal(await body('d.test', '/other'), 'api');
  assert.equal(await body('unknown.test', '/'), 'api');
});

test('TLS by server name, 308 to HTTPS, the default certificate where a secret is missing', async (t) => {
  const { apply, ask, askTls, tls } = await stage(t);
  await apply(
    await tlsSecret('one-cert', ['s.test']),
    await tlsSecret('wild-cert', ['*.w.test']),
    ingress('secure', {}, [rule('s.test', path('/', 'web')), rule('*.w.test', path('/', 'api'))], {
      tls: [
        { hosts: ['s.test'], secretName: 'one-cert' },
        { hosts: ['*.w.test'], secretName: 'wild-cert' },
      ],
    }),
    ingress('lost', {}, [rule('l.test', path('/', 'web'))], {
      tls: [{ hosts: ['l.test'], secretName: 'nowhere' }],
    }),
  );
  assert.equal(await shownFor(tls, 's.test'), 'one-cert');
  assert.equal(await shownFor(tls, 'x.w.test'), 'wild-cert');
  assert.notEqual(await shownFor(tls, 'l.test'), 'one-cert');
  const redirect = await ask('s.test', { path: '/a?b=c' });
  assert.equal(redirect.status, 308);
  assert.match(redirect.headers.location ?? '', /^https:\/\/s\.test(?::\d+)?\/a\?b=c$/);
  const secure = await askTls('s.test', { path: '/a' });
  assert.deepEqual([secure.status, secure.body], [200, 'web']);
  assert.match(secure.headers['strict-transport-security'] ?? '', /max-age=31536000/);
  assert.equal((await askTls('l.test')).body, 'web');
});

test('rewrite-target makes case-insensitive expressions of all paths of the host', async (t) => {
  const { apply, ask, web, api } = await stage(t);
  await apply(
    ingress('rewrite', nginx({ 'rewrite-target': '/$2', 'x-forwarded-prefix': '/app' }), [
      rule('r.test', path('/app(/|$)(.*)', 'web', 'ImplementationSpecific')),
    ]),
    ingress('beside', {}, [rule('r.test', path('/other', 'api', 'Exact'))]),
  );
  assert.equal((await ask('r.test', { path: '/APP/x/y?z=1' })).body, 'web');
  assert.equal(web.seen.at(-1)?.url, '/x/y?z=1');
  assert.equal(web.seen.at(-1)?.headers['x-forwarded-prefix'], '/app');
  assert.equal((await ask('r.test', { path: '/app' })).body, 'web');
  assert.equal(web.seen.at(-1)?.url, '/');
  assert.equal((await ask('r.test', { path: '/Otherwise' })).body, 'api');
  assert.equal(api.seen.at(-1)?.url, '/Otherwise');
  assert.equal((await ask('r.test', { path: '/apple' })).status, 404);
});

test('a canary by header, cookie and weight, in that order', async (t) => {
  const { apply, ask } = await stage(t);
  const main = ingress('main', {}, [rule('c.test', path('/', 'web'))]);
  const canary = (annotations: Readonly<Record<string, string>>): object =>
    ingress('canary', nginx({ canary: 'true', ...annotations }), [rule('c.test', path('/', 'api'))]);
  await apply(
    main,
    canary({ 'canary-by-header': 'X-Canary', 'canary-by-cookie': 'canary', 'canary-weight': '0' }),
  );
  const of = async (headers: http.OutgoingHttpHeaders): Promise<string> =>
    (await ask('c.test', { headers })).body;
  assert.equal(await of({}), 'web');
  assert.equal(await of({ 'x-canary': 'always' }), 'api');
  assert.equal(await of({ 'x-canary': 'never', cookie: 'canary=always' }), 'web');
  assert.equal(await of({ 'x-canary': 'else', cookie: 'a=b; canary=always' }), 'api');
  assert.equal(await of({ cookie: 'canary=never' }), 'web');

  await apply(canary({ 'canary-by-header': 'x-v', 'canary-by-header-pattern': '^beta' }));
  assert.equal(await of({ 'x-v': 'beta-2' }), 'api');
  assert.equal(await of({ 'x-v': 'a beta' }), 'web');

  await apply(canary({ 'canary-weight': '30' }));
  const answers = await Promise.all(Array.from({ length: 300 }, () => of({})));
  const share = answers.filter((body) => body === 'api').length;
  // 5σ of 300 × 0.3.
  assert.ok(share > 50 && share < 130, `${share} of 300`);
});

test('who may come in: addresses, passwords, another service; and CORS', async (t) => {
  const { apply, ask, api } = await stage(t);
  const auth = await echoUpstream(t, 'auth', ({ headers }) =>
    headers.cookie === 'ok=1' ? { headers: { 'X-User': 'ada' } } : { status: 401 },
  );
  await apply(
    secret('users', { auth: 'ada:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=' }),
    ingress('allowed', nginx({ 'whitelist-source-range': '127.0.0.0/8' }), [
      rule('in.test', path('/', 'web')),
    ]),
    ingress('denied', nginx({ 'denylist-source-range': '127.0.0.1' }), [rule('out.test', path('/', 'web'))]),
    ingress('basic', nginx({ 'auth-type': 'basic', 'auth-secret': 'users', 'auth-realm': 'here' }), [
      rule('basic.test', path('/', 'web')),
    ]),
    ingress('broken', nginx({ 'auth-type': 'basic', 'auth-secret': 'nobody' }), [
      rule('broken.test', path('/', 'web')),
    ]),
    ingress(
      'external',
      nginx({
        'auth-url': `http://127.0.0.1:${auth.port}/check`,
        'auth-response-headers': 'X-User',
        'auth-signin': 'http://login.test/start',
      }),
      [rule('external.test', path('/', 'api'))],
    ),
    ingress('cors', nginx({ 'enable-cors': 'true', 'cors-allow-origin': 'https://*.shop.test' }), [
      rule('cors.test', path('/', 'web')),
    ]),
  );
  assert.equal((await ask('in.test')).status, 200);
  assert.equal((await ask('out.test')).status, 403);
  const challenge = await ask('basic.test');
  assert.equal(challenge.status, 401);
  assert.match(challenge.headers['www-authenticate'] ?? '', /^Basic realm="here"/);
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
  assert.equal((await ask('basic.test', { headers: basic('ada:password') })).status, 200);
  assert.equal((await ask('basic.test', { headers: basic('ada:wrong') })).status, 401);
  assert.equal((await ask('broken.test', { headers: basic('ada:password') })).status, 503);
  const signIn = await ask('external.test');
  assert.equal(signIn.status, 302);
  assert.match(signIn.headers.location ?? '', /^http:\/\/login\.test\/start\?rd=/);
  assert.equal((await ask('external.test', { headers: { cookie: 'ok=1' } })).body, 'api');
  assert.equal(api.seen.at(-1)?.headers['x-user'], 'ada');
  const preflight = await ask('cors.test', {
    method: 'OPTIONS',
    headers: { origin: 'https://a.shop.test', 'access-control-request-method': 'PUT' },
  });
  assert.equal(preflight.headers['access-control-allow-origin'], 'https://a.shop.test');
  assert.equal(preflight.headers['access-control-max-age'], '1728000');
});

test('limits, redirects, errors, mirrors, headers and sticky sessions', async (t) => {
  const { apply, ask, web } = await stage(t);
  const [pages, copy] = [await echoUpstream(t, 'page'), await echoUpstream(t, 'copy')];
  const failing = await echoUpstream(t, 'failing', () => ({ status: 502 }));
  const service = (name: string, { port }: EchoUpstream): object[] => [
    { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports: [{ port: 80 }] } },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ port }],
      endpoints: [{ addresses: ['127.0.0.1'] }],
    },
  ];
  const at = (name: string, annotations: Readonly<Record<string, string>>, to = 'web'): object =>
    ingress(name, nginx(annotations), [rule(`${name}.test`, path('/', to))]);
  await apply(
    ...service('pages', pages),
    ...service('failing', failing),
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'more' }, data: { 'X-Frame-Options': 'DENY' } },
    at('size', { 'proxy-body-size': '1k' }),
    at('rate', { 'limit-rps': '1', 'limit-burst-multiplier': '2' }),
    at('moved', { 'permanent-redirect': 'https://new.test/here' }),
    at('root', { 'app-root': '/app' }),
    at('www', { 'from-to-www-redirect': 'true' }),
    at('errors', { 'custom-http-errors': '502', 'default-backend': 'pages' }, 'failing'),
    at('mirrored', { 'mirror-target': `http://127.0.0.1:${copy.port}$request_uri` }),
    at('headers', { 'custom-headers': 'default/more', 'upstream-vhost': 'inner.test' }),
    at('sticky', { affinity: 'cookie', 'session-cookie-name': 'route' }),
  );
  assert.equal((await ask('size.test', { method: 'POST', body: 'x'.repeat(1_025) })).status, 413);
  assert.equal((await ask('size.test', { method: 'POST', body: 'x'.repeat(1_024) })).status, 200);
  const rates: number[] = [];
  for (let n = 0; n < 6; n++) rates.push((await ask('rate.test')).status);
  assert.deepEqual(rates.slice(0, 3), [200, 200, 200]);
  assert.equal(rates.at(-1), 503);
  const moved = await ask('moved.test', { path: '/x' });
  assert.deepEqual([moved.status, moved.headers.location], [301, 'https://new.test/here']);
  const root = await ask('root.test');
  assert.equal(root.status, 302);
  assert.match(root.headers.location ?? '', /\/app$/);
  assert.equal((await ask('root.test', { path: '/app' })).status, 200);
  // The rule's host is www.test.
  const www = await ask('test', { path: '/p' });
  assert.equal(www.status, 308);
  assert.match(www.headers.location ?? '', /^http:\/\/www\.test(?::\d+)?\/p$/);
  assert.equal((await ask('errors.test', { path: '/lost' })).body, 'page');
  assert.equal(pages.seen.at(-1)?.headers['x-code'], '502');
  assert.equal(pages.seen.at(-1)?.headers['x-original-uri'], '/lost');
  assert.equal((await ask('mirrored.test', { path: '/copied' })).body, 'web');
  await waitUntil(() => copy.seen.some(({ url }) => url === '/copied'), { what: 'the copy' });
  assert.equal((await ask('headers.test')).headers['x-frame-options'], 'DENY');
  assert.equal(web.seen.at(-1)?.headers.host, 'inner.test');
  assert.match(
    (await ask('sticky.test')).headers['set-cookie']?.[0] ?? '',
    /^route=[^;]+; Path=\/; HttpOnly/,
  );
});

test('trouble: no endpoints, nobody there, a thousand hosts, what no request can have', async (t) => {
  const { apply, ask } = await stage(t);
  const empty = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'empty' },
    spec: { ports: [{ port: 80 }] },
  };
  const hosts = Array.from({ length: 1_000 }, (_, index) => rule(`h${index}.test`, path('/', 'web')));
  await apply(
    empty,
    ingress('lonely', {}, [
      rule('lonely.test', path('/', 'empty'), path('/nobody', 'nobody'), path('/web', 'web')),
    ]),
    ingress('many', {}, hosts),
  );
  assert.equal((await ask('lonely.test')).status, 503);
  assert.equal((await ask('lonely.test', { path: '/nobody' })).status, 503);
  assert.equal((await ask('lonely.test', { path: '/web' })).status, 200);
  assert.equal((await ask('h0.test')).status, 200);
  assert.equal((await ask('h999.test')).status, 200);
  assert.equal((await ask('h1000.test')).status, 404);
});

test('a port that a ConfigMap opens', async (t) => {
  const { apply, web } = await stage(t);
  const probe = http.createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  await apply({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'tcp-services' },
    data: { [port]: 'default/web:80' },
  });
  const reply = await waitUntil(
    () => send(http.request({ host: '127.0.0.1', port, agent: false, path: '/tcp' })),
    { what: 'the port to open' },
  );
  assert.equal(reply.body, 'web');
  assert.equal(web.seen.at(-1)?.url, '/tcp');
});

test('while rules are edited under load no request fails', async (t) => {
  const { apply, ask } = await stage(t);
  const shop = (to: string, annotations: Readonly<Record<string, string>>): object =>
    ingress('shop', nginx(annotations), [rule('e.test', path('/', to), path('/more', 'web'))]);
  await apply(shop('web', {}));
  const answers = new Map<string, number>();
  const stop = new AbortController();
  const client = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const { status, body } = await ask('e.test', { path: '/x' });
      const answer = `${status} ${body}`;
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  };
  const clients = Array.from({ length: 8 }, client);
  const edits: readonly Readonly<Record<string, string>>[] = [
    {},
    { 'load-balance': 'ewma' },
    { 'proxy-body-size': '1m', 'use-regex': 'true' },
    { affinity: 'cookie' },
  ];
  for (let edit = 0; edit < 20; edit++) {
    await apply(shop(edit % 2 === 0 ? 'api' : 'web', edits[edit % edits.length] ?? {}));
  }
  stop.abort();
  await Promise.all(clients);
  assert.deepEqual([...answers.keys()].sort(), ['200 api', '200 web']);
});

test('TLS to services, through to services, and of clients', async (t) => {
  const { apply, ask, askTls, tls, url } = await stage(t);
  const authority = await issued('authority', []);
  const server = await issued('inner', ['inner.test'], authority);
  const client = await issued('client', ['client.test'], authority);
  const upstream = https.createServer({ cert: server.chain, key: server.key }, (request, response) => {
    response.end(`secure ${request.headers['ssl-client-cert'] === undefined ? 'without' : 'with'}`);
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  t.after(() => upstream.close());
  await register(url, 'secure', (upstream.address() as AddressInfo).port);
  const guarded = { 'auth-tls-secret': 'default/authority', 'auth-tls-pass-certificate-to-upstream': 'true' };
  const overTls = { 'backend-protocol': 'HTTPS' };
  const checked = { ...overTls, 'proxy-ssl-verify': 'on', 'proxy-ssl-secret': 'default/authority' };
  const at = (name: string, annotations: Readonly<Record<string, string>>, more: object = {}): object =>
    ingress(name, nginx(annotations), [rule(`${name}.test`, path('/', 'secure'))], more);
  await apply(
    secret('authority', { 'ca.crt': authority.chain }),
    await tlsSecret('shown', ['guarded.test']),
    at('plain', overTls),
    at('right', { ...checked, 'proxy-ssl-name': 'inner.test' }),
    at('wrong', { ...checked, 'proxy-ssl-name': 'other.test' }),
    at('through', { 'ssl-passthrough': 'true' }),
    at('guarded', { ...overTls, ...guarded }, { tls: [{ hosts: ['guarded.test'], secretName: 'shown' }] }),
  );
  assert.equal((await ask('plain.test')).body, 'secure without');
  assert.equal((await ask('right.test')).body, 'secure without');
  assert.ok((await ask('wrong.test')).status >= 502);
  assert.equal(await shownFor(tls, 'through.test'), 'inner');
  assert.equal((await askTls('through.test')).body, 'secure without');
  assert.equal((await askTls('guarded.test')).status, 400);
  const { chain: cert, key } = client;
  assert.equal((await askTls('guarded.test', { cert, key })).body, 'secure with');
});

test('a Service finds instances by metadata, tags and names, and sends a name its own Host', async (t) => {
  const { apply, ask, url, web } = await stage(t);
  const [tagged, described] = [await echoUpstream(t, 'tagged'), await echoUpstream(t, 'described')];
  await register(url, 'one', tagged.port, { Tags: ['app=shop', 'tier=front'] });
  await register(url, 'two', described.port, { Meta: { app: 'shop', tier: 'front' } });
  await register(url, 'three', web.port, { Meta: { app: 'shop', tier: 'back' } });
  await apply(
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'front' },
      spec: { selector: { app: 'shop', tier: 'front' }, ports: [{ port: 80 }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'outside' },
      spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port: web.port }] },
    },
    ingress('shop', {}, [
      rule('shop.test', path('/', 'front'), {
        path: '/out',
        pathType: 'Prefix',
        backend: { service: { name: 'outside', port: { number: web.port } } },
      }),
    ]),
  );
  const bodies = new Set<string>();
  for (let n = 0; n < 8; n++) bodies.add((await ask('shop.test')).body);
  assert.deepEqual([...bodies].sort(), ['described', 'tagged']);
  assert.equal((await ask('shop.test', { path: '/out' })).body, 'web');
  assert.match(web.seen.at(-1)?.headers.host ?? '', /^localhost/);
});
