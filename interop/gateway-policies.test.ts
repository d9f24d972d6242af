import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import type { Route, RoutePolicies, TrafficMessage } from '@portolan/core/traffic/model.ts';
import {
  clusterAt,
  type EchoUpstream,
  echoUpstream,
  modelWith,
} from '@portolan/server/proxy/testdata/policy-rig.ts';
import { requireProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { startRig } from './gateway-rig.ts';

interface CurlReply {
  /** Of HTTP. */
  readonly version: string;
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** One request by curl; of several answers (redirects, 100) the last. */
async function curl(program: string, args: readonly string[]): Promise<CurlReply> {
  const { stdout } = await promisify(execFile)(program, ['-s', '-i', '--max-time', '20', ...args]);
  const parts = stdout.split('\r\n\r\n');
  const at = parts.findLastIndex((part) => part.startsWith('HTTP/'));
  const [statusLine = '', ...lines] = (parts[at] ?? '').split('\r\n');
  const headers = lines.map(
    (line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)] as const,
  );
  return {
    version: statusLine.slice(5, statusLine.indexOf(' ')),
    status: Number(statusLine.split(' ')[1]),
    headers: new Map(headers),
    body: parts.slice(at + 1).join('\r\n\r\n'),
  };
}

interface Stage {
  readonly web: EchoUpstream;
  readonly canary: EchoUpstream;
  readonly shadow: EchoUpstream;
  readonly pages: EchoUpstream;
  readonly auth: EchoUpstream;
}

async function startStage(t: TestContext): Promise<Stage> {
  return {
    web: await echoUpstream(t, 'web', ({ url }) => (url.endsWith('/missing') ? { status: 404 } : {})),
    canary: await echoUpstream(t, 'canary'),
    shadow: await echoUpstream(t, 'shadow'),
    pages: await echoUpstream(t, 'pages', ({ headers }) => ({ body: `page for ${headers['x-code']}` })),
    auth: await echoUpstream(t, 'auth', ({ headers }) =>
      headers.cookie?.includes('session=1') === true ? { headers: { 'X-User': 'ann' } } : { status: 401 },
    ),
  };
}

function matching(value: string, more: Partial<Route['match']> = {}): Pick<Route, 'match'> {
  return { match: { path: { type: 'segments', value }, ...more } };
}

function to(...clusters: readonly string[]): Pick<Route, 'action'> {
  return { action: { type: 'forward', targets: clusters.map((cluster) => ({ weight: 1, cluster })) } };
}

/** Every policy of the model, some of them at once. */
function everything({ web, canary, shadow, pages, auth }: Stage): TrafficMessage {
  const shop: RoutePolicies = {
    access: { allow: ['127.0.0.0/8'], deny: ['127.0.0.9/32'] },
    rateLimits: [
      { requests: 1_000, perMs: 1_000, burst: 1_000, by: { type: 'source-address' }, status: 429 },
    ],
    connectionLimit: { max: 100, by: 'source-address', status: 503 },
    cors: {
      origins: [{ type: 'exact', value: 'https://*.shop.test' }],
      methods: ['GET', 'PUT'],
      headers: ['X-Y'],
      maxAgeS: 60,
    },
    basicAuth: { realm: 'shop', users: ['ann:$2y$04$NrEOIhNga8TCwfAnVG91HOyJPb..ZrvwekWt2hEzO8OcVuMky3dD.'] },
    maxBodyBytes: 1_000,
    fault: { delay: { percent: 100, ms: 5 } },
    rewrite: { path: { type: 'prefix', value: '/inner' }, host: 'inner.test' },
    requestHeaders: { remove: ['user-agent'], set: [{ name: 'x-env', value: 'test' }] },
    mirrors: [{ cluster: 'shadow', percent: 100 }],
    responseHeaders: { set: [{ name: 'strict-transport-security', value: 'max-age=60' }] },
    fallback: { statuses: [404], choices: [{ type: 'cluster', cluster: 'pages', status: 'original' }] },
    bufferRequest: true,
  };
  const externalAuth = {
    ...{ url: `http://127.0.0.1:${auth.port}/check`, method: 'GET', responseHeaders: ['X-User'] },
    ...{ signIn: 'https://id.test/start', timeoutMs: 5_000 },
  };
  const limit = { requests: 1, perMs: 60_000, burst: 2, by: { type: 'route' }, status: 429 } as const;
  const sticky = { name: 'at', httpOnly: true } as const;
  return modelWith(
    [
      ...[clusterAt('web', web.port), clusterAt('canary', canary.port), clusterAt('shadow', shadow.port)],
      clusterAt('pages', pages.port),
    ],
    { ...matching('/shop'), ...to('web'), policies: shop, timeoutMs: 10_000, idleTimeoutMs: 5_000 },
    { ...matching('/private'), ...to('web'), policies: { externalAuth } },
    { ...matching('/limited'), ...to('web'), policies: { rateLimits: [limit] } },
    {
      ...matching('/sticky'),
      action: {
        type: 'forward',
        targets: [
          { weight: 1, cluster: 'web' },
          { weight: 1, cluster: 'canary' },
        ],
        sticky,
      },
    },
    {
      ...matching('/v', { headers: [{ name: 'x-canary', type: 'regex', value: '(?i)y(es)?' }] }),
      ...to('canary'),
    },
    { ...matching('/v', { cookies: [{ name: 'beta', type: 'exact', value: '1' }] }), ...to('canary') },
    { ...matching('/v', { query: [{ name: 'v', type: 'prefix', value: '2' }] }), ...to('canary') },
    { ...matching('/v'), ...to('web') },
    {
      ...matching('/old'),
      action: { type: 'redirect', status: 308, path: { type: 'prefix', value: '/v' } },
    },
    {
      ...matching('/robots.txt'),
      action: { type: 'direct', status: 200, body: 'User-agent: *\n', contentType: 'text/plain' },
    },
    { ...matching('/broken'), policies: { fault: { abort: { percent: 100, status: 418 } } } },
  );
}

for (const [protocol, version] of [
  ['--http1.1', '1.1'],
  ['--http2-prior-knowledge', '2'],
] as const) {
  test(`every policy at once, driven by curl ${protocol}`, async (t) => {
    const program = requireProgram(t, 'curl');
    if (program === undefined) return;
    const stage = await startStage(t);
    const rig = await startRig(t, everything(stage), { workers: 1 });
    const directory = tempDir('curl');
    t.after(() => directory.remove());
    const jar = join(directory.path, 'jar');
    const ask = (path: string, ...args: readonly string[]): Promise<CurlReply> =>
      curl(program, [protocol, '-H', 'Host: a.test', ...args, `http://127.0.0.1:${rig.port}${path}`]);
    await waitUntil(async () => (await ask('/robots.txt')).status === 200);

    const nobody = await ask('/shop/x');
    assert.equal(nobody.version, version);
    assert.equal(nobody.status, 401);
    assert.match(nobody.headers.get('www-authenticate') ?? '', /^Basic realm="shop"/);
    const preflight = await ask(
      '/shop/x',
      ...['-X', 'OPTIONS', '-H', 'Origin: https://eu.shop.test', '-H', 'Access-Control-Request-Method: PUT'],
    );
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get('access-control-allow-origin'), 'https://eu.shop.test');
    const put = await ask(
      '/shop/cart?x=1',
      '-u',
      'ann:secret',
      '-X',
      'PUT',
      '--data-binary',
      'abc',
      '-H',
      'X-Env: mine',
    );
    assert.deepEqual(
      [put.status, put.body, put.headers.get('strict-transport-security')],
      [200, 'web', 'max-age=60'],
    );
    const seen = stage.web.seen.at(-1);
    assert.deepEqual([seen?.method, seen?.url, seen?.body], ['PUT', '/inner/cart?x=1', 'abc']);
    assert.deepEqual([seen?.headers.host, seen?.headers['x-env']], ['inner.test', 'test']);
    assert.equal(seen?.headers['user-agent'], undefined);
    await waitUntil(() => stage.shadow.seen.length === 1);
    assert.deepEqual(
      [stage.shadow.seen[0]?.body, stage.shadow.seen[0]?.headers.host],
      ['abc', 'inner.test-shadow'],
    );
    assert.equal((await ask('/shop/x', '-u', 'ann:wrong')).status, 401);
    assert.equal((await ask('/shop/x', '-u', 'ann:secret', '--data-binary', 'x'.repeat(1_001))).status, 413);
    const missing = await ask('/shop/missing', '-u', 'ann:secret');
    assert.deepEqual([missing.status, missing.body], [404, 'page for 404']);

    const away = await ask('/private/a?b=c');
    assert.equal(away.status, 302);
    assert.equal(
      away.headers.get('location'),
      'https://id.test/start?rd=http%3A%2F%2Fa.test%2Fprivate%2Fa%3Fb%3Dc',
    );
    assert.equal((await ask('/private/a', '-b', 'session=1', '-H', 'X-User: root')).status, 200);
    assert.equal(stage.web.seen.at(-1)?.headers['x-user'], 'ann');

    const statuses = [];
    for (let index = 0; index < 3; index++) statuses.push((await ask('/limited')).status);
    assert.deepEqual(statuses, [200, 200, 429]);

    const first = await ask('/sticky', '-c', jar);
    for (let index = 0; index < 6; index++) assert.equal((await ask('/sticky', '-b', jar)).body, first.body);

    assert.equal((await ask('/v')).body, 'web');
    assert.equal((await ask('/v', '-H', 'X-Canary: YES')).body, 'canary');
    assert.equal((await ask('/v', '-b', 'a=b; beta=1')).body, 'canary');
    assert.equal((await ask('/v?x=1&v=2.1')).body, 'canary');
    const moved = await ask('/old/things?x=1');
    assert.deepEqual([moved.status, moved.headers.get('location')], [308, 'http://a.test/v/things?x=1']);
    assert.equal((await ask('/robots.txt')).body, 'User-agent: *\n');
    assert.equal((await ask('/broken')).status, 418);
    assert.equal((await ask('/nothing')).status, 404);
  });
}
