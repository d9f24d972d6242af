import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Route, RoutePolicies } from '@portolan/core/traffic/model.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { startPlane, startServer, statusOf, talk } from '../testdata/plane-rig.ts';
import { clusterAt, echoUpstream, modelWith, request } from '../testdata/policy-rig.ts';

/** A gateway with one route of these policies in front of an upstream that echoes. */
async function gatewayWith(
  t: TestContext,
  policies: RoutePolicies,
  options: {
    route?: Partial<Route>;
    trustedPeers?: readonly string[];
    answer?: Parameters<typeof echoUpstream>[2];
  } = {},
) {
  const upstream = await echoUpstream(t, 'upstream', options.answer);
  const model = modelWith([clusterAt('web', upstream.port)], { policies, ...options.route });
  const { port, plane } = startPlane(t, model, { trustedPeers: options.trustedPeers ?? [] });
  return { port, plane, upstream };
}

test('access lists decide by the client’s address, deny before allow', async (t) => {
  const { port } = await gatewayWith(t, { access: { allow: ['10.0.0.0/8'] } });
  assert.equal((await request(port)).status, 403);
  const open = await gatewayWith(t, { access: { allow: ['127.0.0.0/8', '::1/128'] } });
  assert.equal((await request(open.port)).status, 200);
  const denied = await gatewayWith(t, { access: { allow: ['0.0.0.0/0'], deny: ['127.0.0.1'] } });
  assert.deepEqual([(await request(denied.port)).status, denied.upstream.seen.length], [403, 0]);
  assert.equal(denied.plane.report().refusals['access-denied'], 1);
});

test('what a client says in X-Forwarded-For counts only from a trusted peer', async (t) => {
  const policies = { access: { allow: ['203.0.113.0/24'] } };
  const headers = { 'x-forwarded-for': '203.0.113.9' };
  const wary = await gatewayWith(t, policies);
  assert.equal((await request(wary.port, '/', { headers })).status, 403);
  const trusting = await gatewayWith(t, policies, { trustedPeers: ['127.0.0.1', '198.51.100.0/24'] });
  assert.equal((await request(trusting.port, '/', { headers })).status, 200);
  const spoofed = { 'x-forwarded-for': '203.0.113.9, 192.0.2.1, 198.51.100.7' };
  assert.equal((await request(trusting.port, '/', { headers: spoofed })).status, 403);
});

test('a rate limit lets a burst through, then says when to come again', async (t) => {
  const rateLimits = [
    { requests: 1, perMs: 60_000, burst: 3, by: { type: 'source-address' }, status: 429 },
  ] as const;
  const { port, upstream } = await gatewayWith(t, { rateLimits });
  const replies = [];
  for (let index = 0; index < 5; index++) replies.push(await request(port));
  assert.deepEqual(
    replies.map(({ status }) => status),
    [200, 200, 200, 429, 429],
  );
  const retryAfter = Number(replies[4]?.headers['retry-after']);
  assert.ok(retryAfter > 50 && retryAfter <= 60, String(retryAfter));
  assert.equal(upstream.seen.length, 3);
});

test('a rate limit by header has a bucket for each value, and leaves out the exempt', async (t) => {
  const limit = {
    requests: 1,
    perMs: 60_000,
    burst: 1,
    by: { type: 'header', name: 'x-key' },
    status: 503,
  } as const;
  const { port } = await gatewayWith(t, { rateLimits: [limit] });
  const status = async (key: string) => (await request(port, '/', { headers: { 'x-key': key } })).status;
  assert.deepEqual([await status('a'), await status('b'), await status('a')], [200, 200, 503]);
  const exempt = await gatewayWith(t, { rateLimits: [{ ...limit, exempt: ['127.0.0.0/8'] }] });
  for (let index = 0; index < 3; index++) assert.equal((await request(exempt.port)).status, 200);
});

test('a rate limit goes on counting when its host changes, or its route in something else', async (t) => {
  const upstream = await echoUpstream(t, 'upstream');
  const limit = { requests: 1, perMs: 60_000, burst: 1, by: { type: 'route' }, status: 429 } as const;
  const web = clusterAt('web', upstream.port);
  const limited = {
    policies: { rateLimits: [limit] },
    match: { path: { type: 'prefix', value: '/l' } },
  } as const;
  const { port, plane } = startPlane(t, modelWith([web], limited, {}));
  assert.equal((await request(port, '/l')).status, 200);
  plane.apply({ ...modelWith([web], limited, { timeoutMs: 5_000 }), revision: 2 });
  assert.equal((await request(port, '/l')).status, 429);
  plane.apply({ ...modelWith([web], { ...limited, timeoutMs: 5_000 }, {}), revision: 3 });
  assert.equal((await request(port, '/l')).status, 429);
  assert.equal((await request(port, '/')).status, 200);
});

test('a connection limit counts what is under way, and gives places back', async (t) => {
  const connectionLimit = { max: 1, by: 'source-address', status: 503 } as const;
  const { port, upstream } = await gatewayWith(t, { connectionLimit });
  const head = 'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\n';
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  socket.write(`${head}x`);
  await waitUntil(async () => (await request(port)).status === 503);
  socket.write('y');
  await waitUntil(async () => (await request(port)).status === 200);
  assert.ok(upstream.seen.some(({ body }) => body === 'xy'));
});

test('CORS: a preflight is answered here, and only for an allowed origin with anything in it', async (t) => {
  const cors = {
    origins: [
      { type: 'exact', value: 'https://shop.test' },
      { type: 'exact', value: 'https://*.shop.test:8443' },
    ],
    methods: ['GET', 'PUT'],
    headers: ['X-One'],
    exposeHeaders: ['X-Two'],
    credentials: true,
    maxAgeS: 600,
  } as const;
  const { port, upstream } = await gatewayWith(
    t,
    { cors },
    { answer: () => ({ headers: { 'access-control-allow-origin': '*' } }) },
  );
  const preflight = (origin: string) =>
    request(port, '/', { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'PUT' } });
  for (const origin of ['https://shop.test', 'https://eu.shop.test:8443']) {
    const { status, headers, body } = await preflight(origin);
    assert.deepEqual([status, body, headers['content-length']], [204, '', undefined]);
    assert.equal(headers['access-control-allow-origin'], origin);
    assert.equal(headers['access-control-allow-credentials'], 'true');
    assert.equal(headers['access-control-allow-methods'], 'GET, PUT');
    assert.equal(headers['access-control-allow-headers'], 'X-One');
    assert.equal(headers['access-control-max-age'], '600');
    assert.equal(headers.vary, 'Origin');
  }
  for (const origin of ['https://a.b.shop.test:8443', 'https://evil.test', 'http://shop.test', 'null']) {
    const { status, headers } = await preflight(origin);
    assert.deepEqual([status, headers['access-control-allow-origin']], [204, undefined], origin);
  }
  assert.equal(upstream.seen.length, 0);
  const simple = await request(port, '/', { headers: { origin: 'https://shop.test' } });
  assert.equal(simple.headers['access-control-allow-origin'], 'https://shop.test');
  assert.equal(simple.headers['access-control-expose-headers'], 'X-Two');
  const foreign = await request(port, '/', { headers: { origin: 'https://evil.test' } });
  assert.deepEqual([foreign.status, foreign.headers['access-control-allow-origin']], [200, undefined]);
  assert.equal((await request(port, '/', { method: 'OPTIONS' })).status, 200);
});

test('CORS for everybody says * without credentials, and the origin with them', async (t) => {
  const cors = { origins: [{ type: 'exact', value: '*' }], methods: ['*'], headers: ['*'] } as const;
  const headers = {
    origin: 'https://x.test',
    'access-control-request-method': 'PATCH',
    'access-control-request-headers': 'x-a, x-b',
  };
  const open = await gatewayWith(t, { cors });
  const anybody = await request(open.port, '/', { method: 'OPTIONS', headers });
  assert.equal(anybody.headers['access-control-allow-origin'], '*');
  assert.equal(anybody.headers['access-control-allow-headers'], '*');
  const known = await gatewayWith(t, { cors: { ...cors, credentials: true } });
  const somebody = await request(known.port, '/', { method: 'OPTIONS', headers });
  assert.equal(somebody.headers['access-control-allow-origin'], 'https://x.test');
  assert.equal(somebody.headers['access-control-allow-headers'], 'x-a, x-b');
  assert.equal(somebody.headers['access-control-allow-methods'], 'PATCH');
});

const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});
// bcrypt of cost 4, apr1 and SHA-1 of `secret`; the plain one is none.
const users = [
  '# people',
  'ann:$2y$04$NrEOIhNga8TCwfAnVG91HOyJPb..ZrvwekWt2hEzO8OcVuMky3dD.',
  'bob:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/',
  'cat:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=',
  'dan:secret',
];

test('basic auth lets in who has the password, by every kind of hash', async (t) => {
  const { port, upstream } = await gatewayWith(t, { basicAuth: { realm: 'The "house"', users } });
  const status = async (user: string, password: string) =>
    (await request(port, '/', { headers: basic(user, password) })).status;
  for (const user of ['ann', 'bob', 'cat']) {
    assert.equal(await status(user, 'secret'), 200, user);
    assert.equal(await status(user, 'secret'), 200, user);
    assert.equal(await status(user, 'wrong'), 401, user);
  }
  assert.equal(await status('dan', 'secret'), 401);
  assert.equal(await status('eve', 'secret'), 401);
  assert.equal(await status('__proto__', 'secret'), 401);
  const nobody = await request(port);
  assert.equal(nobody.status, 401);
  assert.equal(nobody.headers['www-authenticate'], 'Basic realm="The \\"house\\"", charset="UTF-8"');
  assert.equal((await request(port, '/', { headers: { authorization: 'Basic !!!' } })).status, 401);
  assert.equal(upstream.seen.length, 6);
});

test('satisfy: any lets in by address or by password', async (t) => {
  const basicAuth = { realm: 'r', users };
  const far = { access: { allow: ['10.0.0.0/8'] }, basicAuth, satisfy: 'any' } as const;
  const { port } = await gatewayWith(t, far);
  assert.equal((await request(port)).status, 401);
  assert.equal((await request(port, '/', { headers: basic('cat', 'secret') })).status, 200);
  const near = await gatewayWith(t, { ...far, access: { allow: ['127.0.0.1'] } });
  assert.equal((await request(near.port)).status, 200);
  const both = await gatewayWith(t, { ...far, satisfy: 'all' });
  assert.equal((await request(both.port, '/', { headers: basic('cat', 'secret') })).status, 403);
});

test('an external service decides, and its word goes to the upstream', async (t) => {
  const auth = await echoUpstream(t, 'auth', ({ headers }) => {
    if (headers.cookie === 'session=good') return { headers: { 'X-User': 'ann', 'set-cookie': 'renewed=1' } };
    if (headers.cookie === 'session=bad') return { status: 403, body: 'no' };
    if (headers.cookie === 'session=odd') return { status: 302, headers: { location: 'http://x.test/' } };
    return { status: 401, headers: { 'www-authenticate': 'Bearer' } };
  });
  const externalAuth = {
    ...{ url: `http://127.0.0.1:${auth.port}/verify`, method: 'GET', responseHeaders: ['X-User'] },
    timeoutMs: 2_000,
  };
  const { port, upstream } = await gatewayWith(t, { externalAuth });
  const as = (cookie: string, headers = {}) =>
    request(port, '/cart?x=1', { method: 'POST', body: 'abc', headers: { cookie, ...headers } });
  const good = await as('session=good', { 'x-user': 'root' });
  assert.deepEqual([good.status, good.headers['set-cookie']], [200, ['renewed=1']]);
  assert.deepEqual([upstream.seen[0]?.headers['x-user'], upstream.seen[0]?.body], ['ann', 'abc']);
  const asked = auth.seen[0];
  assert.equal(asked?.headers['x-original-url'], 'http://a.test/cart?x=1');
  assert.deepEqual([asked?.method, asked?.url, asked?.body], ['GET', '/verify', '']);
  assert.equal(asked?.headers['x-original-method'], 'POST');
  assert.equal(asked?.headers['x-forwarded-for'], '127.0.0.1');
  const bad = await as('session=bad');
  assert.deepEqual([bad.status, bad.body], [403, 'no']);
  const none = await as('');
  assert.deepEqual([none.status, none.headers['www-authenticate']], [401, 'Bearer']);
  assert.equal((await as('session=odd')).status, 500);
  assert.equal(upstream.seen.length, 1);
  const signIn = await gatewayWith(t, { externalAuth: { ...externalAuth, signIn: 'https://id.test/start' } });
  const sent = await request(signIn.port, '/cart?x=1');
  assert.equal(sent.status, 302);
  assert.equal(sent.headers.location, 'https://id.test/start?rd=http%3A%2F%2Fa.test%2Fcart%3Fx%3D1');
});

test('an external service that is away, slow, or where nothing may be sent is a 500', async (t) => {
  const common = { method: 'GET', responseHeaders: [], timeoutMs: 50 };
  const { port: mute } = await startServer(t, () => undefined);
  for (const url of [
    `http://127.0.0.1:${mute}/`,
    'http://127.0.0.1:1/',
    'http://169.254.169.254/',
    'file:///etc/passwd',
    'x',
  ]) {
    const { port, upstream } = await gatewayWith(t, { externalAuth: { ...common, url } });
    assert.deepEqual([(await request(port)).status, upstream.seen.length], [500, 0], url);
  }
});

test('a client that leaves while the service decides gives its place back', async (t) => {
  const auth = await startServer(t, (socket) => socket.resume().on('end', () => socket.end()));
  const externalAuth = {
    url: `http://127.0.0.1:${auth.port}/`,
    method: 'GET',
    responseHeaders: [],
    timeoutMs: 60_000,
  };
  const { port, plane } = await gatewayWith(t, {
    externalAuth,
    connectionLimit: { max: 1, by: 'route', status: 503 },
  });
  const socket = connect(port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
  await waitUntil(() => auth.sockets.size === 1);
  assert.equal((await request(port)).status, 503);
  socket.resetAndDestroy();
  await waitUntil(() => auth.sockets.size === 0 && plane.openConnections === 0);
});

test('a body over the limit is 413, announced or not', async (t) => {
  const { port, upstream } = await gatewayWith(t, { maxBodyBytes: 10 });
  const post = (body: string, headers = {}) => request(port, '/', { method: 'POST', body, headers });
  assert.equal((await post('0123456789')).status, 200);
  assert.equal((await post('0123456789a')).status, 413);
  assert.equal((await post('0123456789', { 'transfer-encoding': 'chunked' })).status, 200);
  assert.equal((await post('0123456789a', { 'transfer-encoding': 'chunked' })).status, 413);
  assert.deepEqual(
    upstream.seen.map(({ body }) => body.length),
    [10, 10],
  );
});

test('a request that is collected reaches the upstream whole, with its length', async (t) => {
  const { port, upstream } = await gatewayWith(t, { bufferRequest: true, maxBodyBytes: 1_000 });
  const headers = { 'transfer-encoding': 'chunked' };
  assert.equal((await request(port, '/', { method: 'POST', body: 'x'.repeat(900), headers })).status, 200);
  assert.equal(upstream.seen[0]?.body.length, 900);
  assert.equal(upstream.seen[0]?.headers['content-length'], '900');
  assert.equal((await request(port, '/', { method: 'POST', body: 'x'.repeat(1_001), headers })).status, 413);
  assert.equal(upstream.seen.length, 1);
});

test('faults: a delay, then an abort, gRPC told in its own way', async (t) => {
  const abort = { percent: 100, status: 503, grpcStatus: 14 };
  const { port, upstream } = await gatewayWith(t, { fault: { delay: { percent: 100, ms: 30 }, abort } });
  const began = performance.now();
  assert.equal((await request(port)).status, 503);
  assert.ok(performance.now() - began >= 25);
  const grpc = await request(port, '/', { method: 'POST', headers: { 'content-type': 'application/grpc' } });
  assert.deepEqual([grpc.status, grpc.headers['grpc-status']], [200, '14']);
  assert.equal(upstream.seen.length, 0);
  const slow = await gatewayWith(t, { fault: { delay: { percent: 100, ms: 10 } } });
  assert.equal((await request(slow.port)).status, 200);
});

test('paths and hosts are rewritten, the query stays', async (t) => {
  const segments = { match: { path: { type: 'segments', value: '/shop' } } } as const;
  const prefix = await gatewayWith(
    t,
    { rewrite: { path: { type: 'prefix', value: '/v1' }, host: 'Inner.test:81' } },
    { route: segments },
  );
  await request(prefix.port, '/shop/cart?x=1');
  await request(prefix.port, '/shop');
  assert.deepEqual(
    prefix.upstream.seen.map(({ url }) => url),
    ['/v1/cart?x=1', '/v1'],
  );
  assert.equal(prefix.upstream.seen[0]?.headers.host, 'inner.test:81');
  assert.equal(prefix.upstream.seen[0]?.headers['x-forwarded-host'], 'a.test');
  const regex = await gatewayWith(t, {
    rewrite: { path: { type: 'regex', pattern: '^/(\\w+)/(.*)$', value: '/$2/of/\\1?z=9' } },
  });
  await request(regex.port, '/shop/cart?x=1');
  assert.equal(regex.upstream.seen[0]?.url, '/cart/of/shop?z=9&x=1');
});

test('a rewrite that makes a path climb is refused', async (t) => {
  const { port, upstream } = await gatewayWith(
    t,
    { rewrite: { path: { type: 'prefix', value: '/files/' } } },
    { route: { match: { path: { type: 'prefix', value: '/static' } } } },
  );
  assert.equal((await request(port, '/static../secret')).status, 400);
  assert.equal((await request(port, '/static/x')).status, 200);
  assert.deepEqual(
    upstream.seen.map(({ url }) => url),
    ['/files//x'],
  );
});

test('header fields are removed, set, added, both ways; those that frame are not touched', async (t) => {
  const { port, upstream } = await gatewayWith(
    t,
    {
      requestHeaders: {
        remove: ['x-gone', 'content-length', 'host'],
        set: [
          { name: 'x-set', value: 'new' },
          { name: 'transfer-encoding', value: 'chunked' },
          { name: 'connection', value: 'x-set' },
          { name: 'x-evil', value: 'a\r\nX-Injected: 1' },
          { name: 'x-forwarded-proto', value: 'https' },
        ],
        add: [{ name: 'x-more', value: 'two' }],
      },
      responseHeaders: {
        remove: ['server'],
        set: [{ name: 'strict-transport-security', value: 'max-age=1' }],
        add: [
          { name: 'x-caf\u00e9', value: 'never' },
          { name: 'x-price', value: '5 \u20ac' },
        ],
      },
    },
    { answer: () => ({ headers: { Server: 'old', 'Strict-Transport-Security': 'max-age=9' } }) },
  );
  const headers = { 'X-Gone': '1', 'X-Set': 'old', 'X-More': 'one' };
  const reply = await request(port, '/', { method: 'POST', body: 'abc', headers });
  const seen = upstream.seen[0];
  assert.deepEqual(
    [seen?.headers['x-gone'], seen?.headers['x-set'], seen?.headers['x-more']],
    [undefined, 'new', 'one, two'],
  );
  assert.deepEqual([seen?.headers.host, seen?.body, seen?.headers['x-evil']], ['a.test', 'abc', undefined]);
  assert.equal(seen?.headers['x-forwarded-proto'], 'https');
  assert.deepEqual(
    [reply.headers.server, reply.headers['strict-transport-security']],
    [undefined, 'max-age=1'],
  );
  assert.equal(Buffer.from(String(reply.headers['x-price']), 'latin1').toString('utf8'), '5 \u20ac');
});

test('targets share by weight, each with header changes of its own; one without a cluster answers', async (t) => {
  const [a, b] = [await echoUpstream(t, 'a'), await echoUpstream(t, 'b')];
  const model = modelWith([clusterAt('a', a.port), clusterAt('b', b.port)], {
    action: {
      type: 'forward',
      targets: [
        { weight: 1, cluster: 'a', requestHeaders: { set: [{ name: 'x-version', value: '1' }] } },
        { weight: 1, cluster: 'b', responseHeaders: { set: [{ name: 'x-version', value: '2' }] } },
        { weight: 1, status: 500 },
        { weight: 0, cluster: 'a' },
      ],
    },
  });
  const { port } = startPlane(t, model);
  const replies = await Promise.all(Array.from({ length: 90 }, () => request(port)));
  const of = (body: string) => replies.filter((reply) => reply.body === body);
  assert.ok(of('a').length > 9 && of('b').length > 9);
  assert.equal(replies.filter(({ status }) => status === 500).length, 90 - of('a').length - of('b').length);
  assert.ok(a.seen.every(({ headers }) => headers['x-version'] === '1'));
  assert.ok(b.seen.every(({ headers }) => headers['x-version'] === undefined));
  assert.ok(of('b').every(({ headers }) => headers['x-version'] === '2'));
});

test('a sticky cookie keeps a client at its endpoint, and so at its target', async (t) => {
  const [a, b] = [await echoUpstream(t, 'a'), await echoUpstream(t, 'b')];
  const model = modelWith([clusterAt('a', a.port), clusterAt('b', b.port)], {
    action: {
      type: 'forward',
      targets: [
        { weight: 1, cluster: 'a' },
        { weight: 1, cluster: 'b' },
      ],
      sticky: { name: 'route', httpOnly: true },
    },
  });
  const { port } = startPlane(t, model);
  for (let client = 0; client < 6; client++) {
    const first = await request(port);
    const cookie = first.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    assert.match(cookie, /^route=[0-9a-f]{16}$/);
    for (let index = 0; index < 6; index++) {
      const next = await request(port, '/', { headers: { cookie } });
      assert.deepEqual([next.body, next.headers['set-cookie']], [first.body, undefined]);
    }
  }
});

test('mirrors get a copy, with its body and another Host, and nobody waits for them', async (t) => {
  const [web, copy] = [await echoUpstream(t, 'web'), await echoUpstream(t, 'copy', () => ({ status: 500 }))];
  const mirrors = [
    { cluster: 'copy', percent: 100 },
    { cluster: 'nowhere', percent: 100 },
  ];
  const model = modelWith([clusterAt('web', web.port), clusterAt('copy', copy.port)], {
    policies: { mirrors },
  });
  const { port } = startPlane(t, model);
  assert.equal((await request(port, '/x?y=1')).body, 'web');
  assert.equal((await request(port, '/z', { method: 'PUT', body: 'abc' })).body, 'web');
  await waitUntil(() => copy.seen.length === 2);
  const [first, second] = copy.seen.toSorted((left, right) => left.url.localeCompare(right.url));
  assert.deepEqual([first?.url, first?.headers.host], ['/x?y=1', 'a.test-shadow']);
  assert.deepEqual([second?.method, second?.body], ['PUT', 'abc']);
});

test('a fallback answers for statuses that it is for, and where nobody can', async (t) => {
  const web = await echoUpstream(t, 'web', ({ url }) => ({ status: Number(url.slice(1, 4)) || 200 }));
  const pages = await echoUpstream(t, 'pages', () => ({ status: 200, body: 'a friendly page' }));
  const fallback = {
    statuses: [404, 503],
    choices: [
      {
        type: 'cluster',
        cluster: 'pages',
        status: 'original',
        headers: [{ name: 'X-Service-Name', value: 'web' }],
      },
    ],
  } as const;
  const dead = {
    match: { path: { type: 'prefix', value: '/dead' } },
    action: { type: 'forward', targets: [{ weight: 1, cluster: 'none' }] },
  } as const;
  const model = modelWith(
    [clusterAt('web', web.port), clusterAt('pages', pages.port)],
    { ...dead, policies: { fallback } },
    { policies: { fallback } },
  );
  const { port } = startPlane(t, model);
  const missing = await request(port, '/404?q=1', {
    method: 'POST',
    body: 'abc',
    headers: { accept: 'text/html' },
  });
  assert.deepEqual([missing.status, missing.body], [404, 'a friendly page']);
  const seen = pages.seen[0];
  assert.deepEqual([seen?.method, seen?.body, seen?.headers['x-code']], ['GET', '', '404']);
  assert.deepEqual([seen?.headers['x-original-uri'], seen?.headers['x-format']], ['/404?q=1', 'text/html']);
  assert.equal(seen?.headers['x-service-name'], 'web');
  assert.equal((await request(port, '/500')).body, 'web');
  assert.deepEqual([(await request(port, '/dead')).status, pages.seen[1]?.headers['x-code']], [503, '503']);
  const sent = await request(port, '/dead', { method: 'POST', body: 'abc' });
  assert.deepEqual(
    [sent.body, pages.seen[2]?.method, pages.seen[2]?.body],
    ['a friendly page', 'POST', 'abc'],
  );
});

test('a request whose time is up before it was let in reaches no fallback', async (t) => {
  const pages = await echoUpstream(t, 'pages');
  const mute = await startServer(t, () => undefined);
  const policies: RoutePolicies = {
    externalAuth: {
      url: `http://127.0.0.1:${mute.port}/`,
      method: 'GET',
      responseHeaders: [],
      timeoutMs: 60_000,
    },
    fallback: { statuses: [], choices: [{ type: 'cluster', cluster: 'pages' }] },
  };
  const { port } = startPlane(t, modelWith([clusterAt('pages', pages.port)], { policies, timeoutMs: 50 }));
  assert.deepEqual([(await request(port)).status, pages.seen.length], [504, 0]);
});

test('a fallback for a request that took too long has its own time', async (t) => {
  const pages = await echoUpstream(t, 'pages');
  const mute = await startServer(t, (socket) => socket.resume());
  const policies: RoutePolicies = {
    fallback: { statuses: [], choices: [{ type: 'cluster', cluster: 'pages' }] },
  };
  const model = modelWith([clusterAt('web', mute.port), clusterAt('pages', pages.port)], {
    policies,
    timeoutMs: 200,
  });
  const { port } = startPlane(t, model);
  const reply = await request(port, '/', { method: 'POST', body: 'abc' });
  assert.deepEqual([reply.status, reply.body, pages.seen[0]?.headers['x-code']], [200, 'pages', '504']);
});

test('a large body that is refused early does not spoil its fallback', async (t) => {
  const pages = await echoUpstream(t, 'pages', () => ({ body: 'page' }));
  const early = await startServer(t, (socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n'));
  });
  const policies: RoutePolicies = {
    fallback: { statuses: [500], choices: [{ type: 'cluster', cluster: 'pages' }] },
  };
  const model = modelWith([clusterAt('web', early.port), clusterAt('pages', pages.port)], { policies });
  const { port } = startPlane(t, model);
  const head = 'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 200000\r\n\r\n';
  const { answer } = await talk(port, [`${head}${'x'.repeat(100_000)}`, 'x'.repeat(1_000)], {
    until: (text) => text.endsWith('page'),
  });
  assert.equal(statusOf(answer), 200);
  assert.deepEqual([pages.seen.length, pages.seen[0]?.method, pages.seen[0]?.body], [1, 'GET', '']);
});

test('a fallback may be a text', async (t) => {
  const response = {
    type: 'response',
    status: 200,
    body: '{"down":true}',
    contentType: 'application/json',
  } as const;
  const { port } = await gatewayWith(
    t,
    { fallback: { statuses: [500], choices: [{ type: 'cluster', cluster: 'empty' }, response] } },
    { answer: () => ({ status: 500 }) },
  );
  const reply = await request(port);
  assert.deepEqual(
    [reply.status, reply.body, reply.headers['content-type']],
    [200, '{"down":true}', 'application/json'],
  );
});

test('redirects keep what they do not change', async (t) => {
  const redirect = async (
    action: Partial<Route['action'] & { type: 'redirect' }>,
    path: string,
    headers = {},
  ) => {
    const model = modelWith([], {
      action: { type: 'redirect', status: 308, ...action },
      match: { path: { type: 'segments', value: '/old' } },
    });
    const { port } = startPlane(t, model);
    const { status, headers: fields } = await request(port, path, { headers });
    return [status, fields.location];
  };
  assert.deepEqual(await redirect({ scheme: 'https' }, '/old/x?y=1'), [308, 'https://a.test/old/x?y=1']);
  assert.deepEqual(await redirect({ scheme: 'https' }, '/old', { host: 'a.test:8080' }), [
    308,
    'https://a.test/old',
  ]);
  assert.deepEqual(await redirect({ status: 301 }, '/old', { host: 'a.test:8080' }), [
    301,
    'http://a.test:8080/old',
  ]);
  assert.deepEqual(await redirect({ host: 'b.test', port: 8443, scheme: 'https' }, '/old'), [
    308,
    'https://b.test:8443/old',
  ]);
  assert.deepEqual(await redirect({ port: 80 }, '/old'), [308, 'http://a.test/old']);
  assert.deepEqual(await redirect({ host: 'b.test:81' }, '/old'), [308, 'http://b.test:81/old']);
  assert.deepEqual(await redirect({ host: 'b.test' }, '/old', { host: 'a.test:8080' }), [
    308,
    'http://b.test:8080/old',
  ]);
  const path = { type: 'prefix', value: '/new/' } as const;
  assert.deepEqual(await redirect({ path }, '/old/x?y=1'), [308, 'http://a.test/new/x?y=1']);
  assert.deepEqual(await redirect({ path: { type: 'full', value: '/all' } }, '/old/x'), [
    308,
    'http://a.test/all',
  ]);
  assert.deepEqual(await redirect({ status: 302, location: 'https://c.test/' }, '/old/x?y=1'), [
    302,
    'https://c.test/',
  ]);
  const evil = await redirect({ location: 'https://c.test/\r\nX-Injected: 1' }, '/old');
  assert.deepEqual(evil, [308, '/']);
});

test('a direct answer has the policies of its route too', async (t) => {
  const action = {
    type: 'direct',
    status: 200,
    body: 'hi \u20ac',
    contentType: 'text/plain; charset=utf-8',
  } as const;
  const hsts = [{ name: 'strict-transport-security', value: 'max-age=1' }];
  const policies = { access: { deny: ['10.0.0.0/8'] }, responseHeaders: { set: hsts } };
  const { port } = startPlane(t, modelWith([], { action, policies }));
  const reply = await request(port);
  assert.deepEqual(
    [reply.status, reply.body, reply.headers['strict-transport-security']],
    [200, 'hi \u20ac', 'max-age=1'],
  );
});

test('hostile requests: giant cookies, thousands of parameters, odd escapes', async (t) => {
  const upstream = await echoUpstream(t, 'upstream');
  const named = (type: 'exact' | 'regex', name: string, value: string) => ({ type, name, value });
  const model = modelWith(
    [clusterAt('web', upstream.port)],
    {
      match: {
        path: { type: 'regex', value: '/(a+)+' },
        cookies: [named('exact', 'c', 'x')],
        query: [named('exact', 'last', '100%')],
      },
    },
    { action: { type: 'direct', status: 418, body: '', contentType: '' } },
  );
  const { port } = startPlane(t, model);
  const parameters = Array.from({ length: 1_000 }, (_, index) => `${index}=%`).join('&');
  const cookie = `${'a=b; '.repeat(1_500)}c="x"`;
  const hit = await request(port, `/${'a'.repeat(100)}?${parameters}&last=100%25`, { headers: { cookie } });
  assert.equal(hit.status, 200);
  assert.equal((await request(port, `/${'a'.repeat(4_000)}b`, { headers: { cookie } })).status, 418);
  assert.equal((await request(port, '/aa?last=100%', { headers: { cookie: 'c=x' } })).status, 200);
  assert.equal(
    (await request(port, '/aa?last=%ff&%zz=1&=&&', { headers: { cookie: 'c=x;;=;c' } })).status,
    418,
  );
});

test('an authentication service behind the same gateway is asked without a turn through the network', async (t) => {
  const web = await echoUpstream(t, 'web');
  const auth = await echoUpstream(t, 'auth', ({ headers }) =>
    headers.cookie === 'session=1' ? { headers: { 'X-User': 'ann' } } : { status: 401, body: 'who?' },
  );
  const common = { method: 'GET', responseHeaders: ['x-user'], timeoutMs: 5_000 };
  const here = { match: { path: { type: 'prefix', value: '/oauth2' } } } as const;
  const model = modelWith(
    [clusterAt('web', web.port), clusterAt('auth', auth.port)],
    { ...here, action: { type: 'forward', targets: [{ weight: 1, cluster: 'auth' }] } },
    {
      match: { path: { type: 'prefix', value: '/named' } },
      policies: { externalAuth: { ...common, url: 'http://auth.default.svc/check', cluster: 'auth' } },
    },
    {
      match: { path: { type: 'prefix', value: '/nobody' } },
      policies: { externalAuth: { ...common, url: 'http://auth.default.svc/check', cluster: 'none' } },
    },
    { policies: { externalAuth: { ...common, url: 'https://$host/oauth2/auth?a=b' } } },
  );
  const { port, plane } = startPlane(t, model);
  for (const path of ['/cart?x=1', '/named']) {
    const denied = await request(port, path, { method: 'POST', body: 'abc' });
    assert.deepEqual([denied.status, denied.body], [401, 'who?'], path);
    const reply = await request(port, path, { method: 'PUT', body: 'abc', headers: { cookie: 'session=1' } });
    assert.deepEqual([reply.status, reply.body], [200, 'web'], path);
    assert.deepEqual([web.seen.at(-1)?.headers['x-user'], web.seen.at(-1)?.body], ['ann', 'abc']);
  }
  const [asked, , named] = auth.seen;
  assert.deepEqual(
    [asked?.method, asked?.url, asked?.headers.host, asked?.body],
    ['GET', '/oauth2/auth?a=b', 'a.test', ''],
  );
  assert.deepEqual(
    [asked?.headers['x-original-url'], asked?.headers['x-forwarded-for']],
    ['http://a.test/cart?x=1', '127.0.0.1'],
  );
  assert.deepEqual([named?.url, named?.headers.host], ['/check', 'auth.default.svc']);
  assert.equal((await request(port, '/nobody')).status, 500);
  await waitUntil(() => plane.report().clusters.every(({ busy }) => busy === 0));
});
