import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type TestServer, testServer } from '../../server.fixture.ts';

const services = '/portolan/v1/resources/core/v1/services';

interface Answer {
  readonly key?: { readonly name: string };
  readonly outcome: string;
  readonly problems: readonly { readonly code: string; readonly path?: string; readonly line?: number }[];
  readonly before?: { readonly spec: unknown };
  readonly after?: { readonly spec: unknown };
  readonly resource?: Manifest;
}

interface Manifest {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly generation: number;
    readonly creationTimestamp: string;
    readonly resourceVersion: string;
  };
  readonly spec: unknown;
  readonly data?: Readonly<Record<string, string>>;
}

interface Version {
  readonly revision: number;
  readonly action: string;
  readonly by: string;
  readonly current: boolean;
}

function service(name: string, port: number, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, ...more },
    // Headless: it is as it was given, without a virtual address.
    spec: { clusterIP: 'None', ports: [{ port }] },
  });
}

async function applied(server: TestServer, text: string, query = ''): Promise<readonly Answer[]> {
  const { status, json } = await server.call('POST', `/portolan/v1/apply${query}`, text);
  assert.equal(status, 200, JSON.stringify(json));
  return (json as { results: readonly Answer[] }).results;
}

async function got(server: TestServer, path: string): Promise<Manifest> {
  const { status, json } = await server.call('GET', path);
  assert.equal(status, 200, JSON.stringify(json));
  return json as Manifest;
}

async function versions(server: TestServer, path: string): Promise<readonly Version[]> {
  return ((await server.call('GET', `${path}/history`)).json as { versions: readonly Version[] }).versions;
}

async function problem(call: ReturnType<TestServer['call']>): Promise<readonly [number, string]> {
  const { status, json } = await call;
  return [status, (json as { detail: string }).detail];
}

test('a resource keeps its uid and age over updates; its generation rises with its spec, not with its labels', async (t) => {
  const server = await testServer(t);
  const path = `${services}/default/web`;
  const first = await server.call('PUT', path, service('web', 80));
  assert.equal(first.status, 201);
  const created = await got(server, path);
  assert.equal((await server.call('PUT', path, service('web', 80))).status, 200);
  assert.equal((await got(server, path)).metadata.resourceVersion, created.metadata.resourceVersion);

  await server.call('PUT', path, service('web', 80, { labels: { a: 'b' } }));
  assert.equal((await got(server, path)).metadata.generation, 1);
  await server.call(
    'PUT',
    path,
    service('web', 81, { uid: 'forged', generation: 9, creationTimestamp: '1999-01-01T00:00:00Z' }),
  );
  const last = await got(server, path);
  assert.deepEqual(last.metadata, {
    ...created.metadata,
    generation: 2,
    resourceVersion: last.metadata.resourceVersion,
  });
  assert.deepEqual(last.spec, { clusterIP: 'None', ports: [{ port: 81 }] });
});

test('the age that a manifest brings counts when it is new, unless it lies in the future', async (t) => {
  const server = await testServer(t);
  await applied(server, service('old', 80, { creationTimestamp: '2020-05-01T00:00:00Z' }));
  await applied(server, service('new', 80, { creationTimestamp: '2999-01-01T00:00:00Z' }));
  assert.equal(
    (await got(server, `${services}/default/old`)).metadata.creationTimestamp,
    '2020-05-01T00:00:00.000Z',
  );
  assert.ok((await got(server, `${services}/default/new`)).metadata.creationTimestamp < '2999');
});

test('of several documents each is applied on its own, and the last good version of a bad one stays in force', async (t) => {
  const server = await testServer(t);
  await applied(server, service('a', 80));
  const text = [
    service('a', 99_999),
    'b: [',
    service('c', 80),
    'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n',
  ].join('\n---\n');
  const results = await applied(server, text, '?file=all.yaml');
  assert.deepEqual(
    results.map(({ outcome, problems: [first] }) => [outcome, first?.path]),
    [
      ['refused', 'spec.ports[0].port'],
      ['refused', undefined],
      ['created', undefined],
      ['skipped', 'kind'],
    ],
  );
  assert.deepEqual((await got(server, `${services}/default/a`)).spec, {
    clusterIP: 'None',
    ports: [{ port: 80 }],
  });
});

test('a resourceVersion that is not the newest is a conflict, for PUT, apply and DELETE', async (t) => {
  const server = await testServer(t);
  const path = `${services}/default/web`;
  await applied(server, service('web', 80));
  const { resourceVersion } = (await got(server, path)).metadata;
  await applied(server, service('web', 81));
  const [status, detail] = await problem(server.call('PUT', path, service('web', 82, { resourceVersion })));
  assert.equal(status, 409);
  assert.match(detail, /Service default\/web is at resourceVersion \d+, not at \d+: read it again/);
  const [result] = await applied(server, service('web', 82, { resourceVersion }));
  assert.deepEqual([result?.outcome, result?.problems[0]?.code], ['refused', 'conflict']);
  assert.equal((await server.call('DELETE', `${path}?resourceVersion=${resourceVersion}`)).status, 409);
  const newest = (await got(server, path)).metadata.resourceVersion;
  assert.equal((await server.call('PUT', path, service('web', 82, { resourceVersion: newest }))).status, 200);
  assert.equal(
    (await server.call('PUT', `${services}/default/gone`, service('gone', 1, { resourceVersion: '5' })))
      .status,
    409,
  );
});

test('history tells who changed what, and any version comes back, also of what was deleted', async (t) => {
  const server = await testServer(t);
  const path = `${services}/default/web`;
  await applied(server, service('web', 80), '?by=alice');
  const born = await got(server, path);
  await applied(server, service('web', 81), '?by=bob');
  assert.equal((await server.call('DELETE', `${path}?by=carol`)).status, 200);
  assert.equal((await server.call('GET', path)).status, 404);
  const told = await versions(server, path);
  assert.deepEqual(
    told.map(({ action, by, current }) => [action, by, current]),
    [
      ['deleted', 'carol', false],
      ['updated', 'bob', false],
      ['created', 'alice', false],
    ],
  );
  assert.equal(String(told[2]?.revision), born.metadata.resourceVersion);
  const back = await server.call('POST', `${path}/rollback?to=${told[2]?.revision}`);
  assert.equal(back.status, 201);
  const again = await got(server, path);
  assert.deepEqual(again.spec, born.spec);
  assert.equal(again.metadata.creationTimestamp, born.metadata.creationTimestamp);
  assert.notEqual(again.metadata.uid, born.metadata.uid);
  assert.deepEqual((await versions(server, path))[0]?.action, 'rolled-back');
  const then = (await server.call('GET', `${path}/history/${told[1]?.revision}`)).json as {
    manifest: Manifest;
  };
  assert.deepEqual(then.manifest.spec, { clusterIP: 'None', ports: [{ port: 81 }] });
  assert.equal((await server.call('POST', `${path}/rollback?to=${told[0]?.revision}`)).status, 200);
  assert.equal((await server.call('GET', path)).status, 404);
  assert.equal((await server.call('POST', `${path}/rollback?to=1`)).status, 404);
});

test('the last twenty versions of a resource are kept', async (t) => {
  const server = await testServer(t);
  for (let port = 1; port <= 25; port++) await applied(server, service('web', port));
  const told = await versions(server, `${services}/default/web`);
  assert.equal(told.length, 20);
  const oldest = told.at(-1)?.revision;
  await server.call('POST', `${services}/default/web/rollback?to=${oldest}`);
  assert.deepEqual((await got(server, `${services}/default/web`)).spec, {
    clusterIP: 'None',
    ports: [{ port: 6 }],
  });
});

const ingress = JSON.stringify({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name: 'web' },
  spec: {
    rules: [
      {
        host: 'shop.example.com',
        http: {
          paths: [
            { path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } },
          ],
        },
      },
    ],
  },
});

test('a dry run changes nothing, and says what would change in manifests and traffic', async (t) => {
  const server = await testServer(t);
  const path = `${services}/default/web`;
  await applied(server, `${service('web', 80)}\n---\n${ingress}`);
  const before = await got(server, path);
  const { json } = await server.call('POST', '/portolan/v1/apply?dryRun=true', service('web', 81));
  const { results, effect } = json as {
    results: readonly Answer[];
    effect: { changes: readonly { kind: string; name: string; after?: readonly string[] }[] };
  };
  assert.deepEqual(
    results.map(({ outcome, before: was, after }) => [outcome, was?.spec, after?.spec]),
    [['updated', { clusterIP: 'None', ports: [{ port: 80 }] }, { clusterIP: 'None', ports: [{ port: 81 }] }]],
  );
  const host = effect.changes.find(({ kind }) => kind === 'virtualHosts');
  assert.equal(host?.name, 'shop.example.com');
  assert.match(host?.after?.join('\n') ?? '', /status 503/);
  assert.deepEqual(await got(server, path), before);
  const gone = (await server.call('DELETE', `${path}?dryRun=All`)).json as Answer;
  assert.equal(gone.outcome, 'deleted');
  const put = (await server.call('PUT', path, service('web', 80))).json as Answer;
  assert.equal(put.outcome, 'unchanged');
  assert.equal((await versions(server, path)).length, 1);
});

test('the values of a Secret are nowhere to be seen', async (t) => {
  const server = await testServer(t);
  const secret =
    'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2, other: hunter2}\n';
  const path = '/portolan/v1/resources/core/v1/secrets';
  const seen = [
    await applied(server, secret),
    await applied(server, secret.replace('hunter2', 'hunter3')),
    await applied(server, secret, '?dryRun=true'),
    await got(server, `${path}/default/s`),
    (await server.call('GET', path)).json,
    (await server.call('GET', `${path}/default/s/history`)).json,
  ];
  const [latest] = await versions(server, `${path}/default/s`);
  seen.push((await server.call('GET', `${path}/default/s/history/${latest?.revision}`)).json);
  const all = JSON.stringify(seen);
  for (const value of ['hunter2', 'hunter3']) {
    assert.ok(!all.includes(value));
    assert.ok(!all.includes(Buffer.from(value).toString('base64')));
  }
  const { data } = await got(server, `${path}/default/s`);
  assert.match(data?.password ?? '', /^\(7 bytes, [0-9a-f]{12}\)$/);
  assert.notEqual(data?.password, data?.other);
  // What is shown instead cannot be taken for the value.
  const [back] = await applied(server, JSON.stringify(await got(server, `${path}/default/s`)));
  assert.deepEqual([back?.outcome, back?.problems[0]?.code], ['refused', 'bad-base64']);
});

test('lists are filtered by namespace, labels and fields, and come in pages', async (t) => {
  const server = await testServer(t);
  const texts = ['a', 'b', 'c'].map((name) =>
    service(name, 80, { labels: { app: name, tier: name === 'a' ? 'front' : 'back' } }),
  );
  await applied(server, [...texts, service('d', 81, { namespace: 'shop' })].join('\n---\n'));
  const names = async (query: string): Promise<string> => {
    const { json } = await server.call('GET', `${services}?${query}`);
    const { items, metadata } = json as { items: readonly Manifest[]; metadata: { continue?: string } };
    const more = metadata.continue === undefined ? '' : ` ${metadata.continue}`;
    return items.map(({ metadata: { name } }) => name).join('') + more;
  };
  assert.equal(await names(''), 'abcd');
  assert.equal(await names('namespace=shop'), 'd');
  for (const [selector, wanted] of [
    ['tier=back', 'bc'],
    ['tier!=back', 'ad'],
    ['tier', 'abc'],
    ['!tier', 'd'],
    ['app in (a, c),tier', 'ac'],
    ['app notin (a,c)', 'bd'],
    ['app==b,tier=back', 'b'],
  ] as const) {
    assert.equal(await names(`labelSelector=${encodeURIComponent(selector)}`), wanted, selector);
  }
  assert.equal(await names('fieldSelector=metadata.namespace!=shop'), 'abc');
  assert.equal(await names('limit=2'), 'ab default/b');
  assert.equal(await names('limit=2&after=default/b'), 'cd');
  assert.equal((await server.call('GET', `${services}?labelSelector=a%20b`)).status, 400);
});

test('a wrong path or body says what is right', async (t) => {
  const server = await testServer(t);
  const base = '/portolan/v1/resources';
  const cases: readonly (readonly [ReturnType<TestServer['call']>, number, RegExp])[] = [
    [server.call('GET', `${base}/core/v1/servics`), 404, /did you mean core\/v1\/services\?/],
    [
      server.call('GET', `${base}/networking.k8s.io/v1beta1/ingresses`),
      404,
      /did you mean networking.k8s.io\/v1\/ingresses\?/,
    ],
    [
      server.call('PUT', `${services}/default/a`, service('b', 80)),
      400,
      /body's name is b, and the path says a/,
    ],
    [server.call('PUT', `${services}/default/a`, '[]'), 400, /exactly one manifest/],
    [server.call('PUT', `${services}/default/a`, service('a', 0)), 400, /spec.ports\[0\].port must be/],
    [server.call('PUT', `${services}/_/a`, service('a', 80)), 400, /must have a namespace/],
    [server.call('GET', `${services}/default/nothing`), 404, /There is no Service default\/nothing/],
    [server.call('GET', `${services}/default/nothing/history`), 404, /no history/],
    [server.call('POST', `${services}/default/a/rollback`), 400, /to must be a revision/],
    [server.call('POST', '/portolan/v1/apply?dryRun=maybe', ''), 400, /dryRun must be true or false/],
    [server.call('POST', '/portolan/v1/apply?namespace=A_B', ''), 400, /namespace must be/],
    [server.call('POST', '/portolan/v1/apply?bundle=true', '{"files": 1}'), 400, /files/],
    [
      server.call('POST', '/portolan/v1/apply', 'x'.repeat(4 * 1024 * 1024 + 1)),
      413,
      /larger than the limit/,
    ],
  ];
  for (const [call, status, pattern] of cases) {
    const [found, detail] = await problem(call);
    assert.equal(found, status, String(pattern));
    assert.match(detail, pattern);
  }
});

async function hostile(t: TestContext, text: string): Promise<string> {
  const server = await testServer(t);
  const [first] = await applied(server, text);
  assert.equal((await server.call('GET', '/livez')).status, 200);
  return first?.outcome ?? 'nothing';
}

test('hostile bodies are refused and the server goes on', async (t) => {
  for (const text of [
    '['.repeat(1024 * 1024),
    '{,'.repeat(400_000),
    'a: &a [*a]',
    `${'&a '.repeat(100_000)}`,
  ]) {
    assert.equal(await hostile(t, text), 'refused', text.slice(0, 20));
  }
  assert.equal(await hostile(t, ''), 'nothing');
});

test('routes are listed with the rule that made them, and explained', async (t) => {
  const server = await testServer(t);
  await applied(server, `${service('web', 80)}\n---\n${ingress}`);
  await server.call('PUT', '/portolan/v1/instances/web/w1', { port: 8000 });
  const { json } = await server.call('GET', '/portolan/v1/routes?host=shop.example.com');
  const [host] = (
    json as { virtualHosts: { domains: string[]; routes: { name: string; match: string; to: string }[] }[] }
  ).virtualHosts;
  assert.deepEqual(
    host?.routes.map(({ name, match, to }) => [name, match, to]),
    [['ingress/default/web/0/0', '/*', 'web:80']],
  );
  const explained = (
    await server.call('POST', '/portolan/v1/explain', { host: 'Shop.Example.com:8080', path: '/x?y=1' })
  ).json;
  assert.partialDeepStrictEqual(explained, {
    virtualHost: { domain: 'shop.example.com' },
    candidates: [{ route: 'ingress/default/web/0/0' }],
    route: {
      name: 'ingress/default/web/0/0',
      targets: [{ cluster: 'web:80', percent: 100, endpointCount: 1 }],
    },
  });
  assert.equal((await server.call('POST', '/portolan/v1/explain', { host: 'a', path: 'b' })).status, 400);
  assert.equal((await server.call('POST', '/portolan/v1/explain', { host: 'a', hots: 'b' })).status, 400);
});

test('a Service gets a virtual address of its own and keeps it; one of another is refused', async (t) => {
  const server = await testServer(t);
  const web = (port: number, more = '') =>
    `{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: ${port}}]${more}}}`;
  const clusterIpOf = async (path: string) =>
    ((await got(server, path)).spec as { readonly clusterIP: string }).clusterIP;
  await applied(server, web(80));
  const address = await clusterIpOf(`${services}/default/web`);
  assert.match(address, /^127\.(9[6-9]|1[01]\d)\./);
  const again = await server.call('POST', '/portolan/v1/apply', web(80));
  assert.equal((again.json as { results: readonly Answer[] }).results[0]?.outcome, 'unchanged');
  await applied(server, web(81, ', type: NodePort'));
  assert.equal(await clusterIpOf(`${services}/default/web`), address);
  for (const [other, said] of [
    [address, /default\/web's/],
    ['10.0.0.1', /leave it out/],
  ] as const) {
    const text = `{apiVersion: v1, kind: Service, metadata: {name: b}, spec: {clusterIP: ${other}, ports: [{port: 80}]}}`;
    const { json } = await server.call('POST', '/portolan/v1/apply', text);
    const [result] = (json as { results: readonly (Answer & { problems: readonly { message: string }[] })[] })
      .results;
    assert.equal(result?.outcome, 'refused');
    assert.match(result?.problems[0]?.message ?? '', said);
  }
});

test('a snapshot of Consul’s API takes rules and their history along', async (t) => {
  const server = await testServer(t);
  const path = `${services}/default/web`;
  await applied(server, service('web', 80), '?by=alice');
  await applied(server, service('web', 81));
  const before = await got(server, path);
  const saved = await (await fetch(`${server.url}/v1/snapshot`)).arrayBuffer();
  await server.call('DELETE', path);
  const restored = await fetch(`${server.url}/v1/snapshot`, { method: 'PUT', body: saved });
  assert.equal(restored.status, 200);
  assert.deepEqual((await got(server, path)).spec, before.spec);
  const told = await versions(server, path);
  assert.equal(told.find(({ action }) => action === 'created')?.by, 'alice');
});

test('what is written at once by many is written one after the other', async (t) => {
  const server = await testServer(t);
  await Promise.all(Array.from({ length: 30 }, (_, index) => applied(server, service('web', index + 1))));
  const told = await versions(server, `${services}/default/web`);
  assert.equal(told.length, 20);
  assert.deepEqual(new Set(told.map(({ revision }) => revision)).size, 20);
  assert.equal((await got(server, `${services}/default/web`)).metadata.generation, 30);
});

test('a long key does not make the answer long', async (t) => {
  const server = await testServer(t);
  const fields = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`f${index}`, 1]));
  const text = JSON.stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'x'.repeat(300_000) },
    data: { ['y'.repeat(300_000)]: fields },
  });
  const { json } = await server.call('POST', '/portolan/v1/apply', text);
  assert.ok(JSON.stringify(json).length < 50_000);
  assert.equal((await server.call('GET', `${services}?labelSelector=${','.repeat(12_000)}`)).status, 200);
});
