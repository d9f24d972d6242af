import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { type EchoUpstream, echoUpstream } from '@portolan/server/proxy/testdata/policy-rig.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import {
  filesOf,
  freePort,
  type Instance,
  isWithin3Sigma,
  type Reply,
  type Scope,
  type Stage,
  startStage,
} from './manifests-rig.ts';

// Istio's Bookinfo samples as they are, by real requests. Rules for the mesh hold at the edge, for the host under which a service shows itself.

const ends: (() => Promise<void> | void)[] = [];
const scope: Scope = { after: (callback) => void ends.unshift(callback) };
const applied = new Set<string>();
let stage: Stage;
const upstreams = new Map<string, EchoUpstream>();

before(async () => {
  stage = await startStage(scope, 'istio-bookinfo');
  const versions = {
    ...{ productpage: ['v1'], reviews: ['v1', 'v2', 'v3'], ratings: ['v1', 'v2', 'v2-mysql', 'v2-mysql-vm'] },
    ...{ details: ['v1', 'v2'], httpbin: ['v1', 'v2'] },
  };
  for (const [name, all] of Object.entries(versions)) {
    for (const version of all) {
      const upstream = await slowOnDemand(`${name} ${version}`);
      upstreams.set(`${name} ${version}`, upstream);
      await stage.register({ name, version, port: upstream.port });
    }
  }
});

after(async () => {
  for (const end of ends) await end();
});

/** Answers with its name; the request says with which status. */
function slowOnDemand(name: string): Promise<EchoUpstream> {
  return echoUpstream(scope, name, ({ headers }) => ({ status: Number(headers['x-answer'] ?? 200) }));
}

function upstream(name: string): EchoUpstream {
  const found = upstreams.get(name);
  assert.ok(found, name);
  return found;
}

async function apply(file: string, ports?: Readonly<Record<number, number>>): Promise<void> {
  const printed = await stage.applyFile(file, ports);
  assert.doesNotMatch(printed, /error|refused/, file);
  applied.add(file);
}

const jason = { 'end-user': 'jason' };

/** What a service answers: its name and version, else the status. */
async function answer(service: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const { status, body } = await stage.ask(`${service}.localhost`, { headers });
  return status === 200 ? body : String(status);
}

async function everyVersion(service: string, count = 60): Promise<readonly string[]> {
  return [...(await stage.tally(`${service}.localhost`, count)).keys()].sort();
}

test('without rules every version is asked', async () => {
  assert.deepEqual(await everyVersion('reviews'), ['reviews v1', 'reviews v2', 'reviews v3']);
});

test('bookinfo-gateway: a door of its own, and the paths that are let in', async () => {
  const port = await freePort();
  await apply('bookinfo-gateway.yaml', { 8080: port });
  const status = async (path: string): Promise<number> =>
    (await stage.ask('any.example', { port, path })).status;
  await waitUntil(async () => (await status('/productpage')) === 200, { what: 'the door' });
  assert.equal((await stage.ask('any.example', { port, path: '/productpage?u=1' })).body, 'productpage v1');
  for (const path of ['/static/a.css', '/login', '/logout', '/api/v1/products/0']) {
    assert.equal(await status(path), 200, path);
  }
  for (const path of ['/', '/productpage/', '/productpages', '/login/x', '/api/v1']) {
    assert.equal(await status(path), 404, path);
  }
});

test('destination-rule-all and virtual-service-all-v1: the first version of everything', async () => {
  await apply('destination-rule-all.yaml');
  assert.equal((await everyVersion('reviews')).length, 3, 'subsets alone change nothing');
  await apply('virtual-service-all-v1.yaml');
  for (const service of ['productpage', 'reviews', 'ratings', 'details']) {
    assert.deepEqual(await everyVersion(service, 20), [`${service} v1`]);
  }
});

test('virtual-service-reviews-test-v2, -jason-v2-v3, -v3, details-v2, ratings-mysql: by header, by version', async () => {
  await apply('virtual-service-reviews-test-v2.yaml');
  assert.deepEqual([await answer('reviews'), await answer('reviews', jason)], ['reviews v1', 'reviews v2']);
  assert.equal(await answer('reviews', { 'end-user': 'jasons' }), 'reviews v1');
  await apply('virtual-service-reviews-jason-v2-v3.yaml');
  assert.deepEqual([await answer('reviews'), await answer('reviews', jason)], ['reviews v3', 'reviews v2']);
  await apply('virtual-service-reviews-v3.yaml');
  assert.equal(await answer('reviews', jason), 'reviews v3');
  await apply('virtual-service-details-v2.yaml');
  assert.deepEqual(await everyVersion('details', 20), ['details v2']);
  await apply('virtual-service-ratings-mysql.yaml');
  assert.deepEqual(await everyVersion('ratings', 20), ['ratings v2-mysql']);
});

/** One sample in 370 is outside 3σ; two in a row are not chance. */
async function assertSplit(
  file: string,
  shares: Readonly<Record<string, number>>,
  count: number,
): Promise<void> {
  await apply(file);
  const sample = async (): Promise<string | undefined> => {
    const found = await stage.tally('reviews.localhost', count);
    const off = Object.entries(shares).filter(
      ([name, share]) => !isWithin3Sigma(found.get(name) ?? 0, count, share),
    );
    assert.deepEqual(
      [...found.keys()].filter((name) => !(name in shares)),
      [],
      file,
    );
    return off.length === 0 ? undefined : `${file}: ${JSON.stringify([...found])}`;
  };
  if ((await sample()) !== undefined) assert.equal(await sample(), undefined);
}

test('splits of 90/10, 80/20, 50/50 and 99/1, within 3σ', async () => {
  const [v1, v2, v3] = ['reviews v1', 'reviews v2', 'reviews v3'];
  await assertSplit('virtual-service-reviews-90-10.yaml', { [v1]: 0.9, [v2]: 0.1 }, 1_000);
  await assertSplit('virtual-service-reviews-80-20.yaml', { [v1]: 0.8, [v2]: 0.2 }, 1_000);
  await assertSplit('virtual-service-reviews-50-v3.yaml', { [v1]: 0.5, [v3]: 0.5 }, 1_000);
  await assertSplit('virtual-service-reviews-v2-v3.yaml', { [v2]: 0.5, [v3]: 0.5 }, 1_000);
  await assertSplit('virtual-service-reviews-99-1.yaml', { [v1]: 0.99, [v2]: 0.01 }, 10_000);
});

test('ratings-test-delay, -abort and fault-injection-details: one user waits, one fails, everybody fails', async () => {
  await apply('virtual-service-ratings-test-delay.yaml');
  const order: string[] = [];
  const waiting = answer('ratings', jason).then((body) => void order.push(`jason: ${body}`));
  for (let n = 0; n < 5; n++) order.push(await answer('ratings'));
  assert.deepEqual(
    order,
    Array.from({ length: 5 }, () => 'ratings v1'),
    'nobody else waits',
  );
  // What has begun goes on as it began.
  await apply('virtual-service-ratings-test-abort.yaml');
  assert.deepEqual([await answer('ratings', jason), await answer('ratings')], ['500', 'ratings v1']);
  await apply('fault-injection-details-v1.yaml');
  assert.equal(await answer('details'), '555');
  assert.equal(order.length, 5, 'seven seconds');
  await waiting;
  assert.equal(order.at(-1), 'jason: ratings v1');
});

test('mirroring: the second version gets a copy, and its answer does not matter', async () => {
  await apply('mirroring.yaml');
  const copies = upstream('httpbin v2').seen;
  const before = copies.length;
  const reply = await stage.ask('httpbin.localhost', { method: 'POST', path: '/post?x=1', body: 'hello' });
  assert.deepEqual([reply.status, reply.body], [200, 'httpbin v1']);
  await waitUntil(() => copies.length > before, { what: 'the copy' });
  const copy = copies.at(-1);
  assert.deepEqual([copy?.method, copy?.url, copy?.body], ['POST', '/post?x=1', 'hello']);
  assert.match(copy?.headers.host ?? '', /^httpbin\.localhost-shadow/);
});

test('timeout-and-retries: half a second for the reviews, three tries for the ratings', async () => {
  const slow = await holding();
  await stage.register({ name: 'reviews', version: 'v2', port: slow.port });
  await stage.deregister({ name: 'reviews', port: upstream('reviews v2').port });
  await apply('timeout-and-retries.yaml');
  await waitUntil(async () => (await answer('reviews')) === '504', { what: 'the slow one' });
  await stage.register({ name: 'reviews', version: 'v2', port: upstream('reviews v2').port });
  await stage.deregister({ name: 'reviews', port: slow.port });

  // Nobody is at that port: a try there is not the last.
  const dead: Instance = { name: 'ratings', version: 'v1', port: await freePort() };
  await stage.register(dead);
  assert.deepEqual([...(await stage.tally('ratings.localhost', 40))], [['ratings v1', 40]]);
  await stage.deregister(dead);
});

test('circuit-breaker: one connection, one that waits, and out at the first error', async () => {
  // Without the rules of the mirror.
  await stage.clear();
  await apply('circuit-breaker.yaml');
  const all: Promise<Reply>[] = [];
  const held = await holding();
  await stage.deregister({ name: 'httpbin', port: upstream('httpbin v1').port });
  await stage.deregister({ name: 'httpbin', port: upstream('httpbin v2').port });
  await stage.register({ name: 'httpbin', port: held.port });
  // Until the change of endpoints is in force, others may answer.
  await waitUntil(
    async () => {
      const asked = stage.ask('httpbin.localhost');
      const first = await Promise.race([asked.then(() => 'answered'), held.arrived]);
      if (first !== 'held') return false;
      all.push(asked);
      return true;
    },
    { what: 'a request that is held' },
  );
  for (let n = 0; n < 5; n++) all.push(stage.ask('httpbin.localhost'));
  // One waits for the connection, four are refused at once.
  const statuses: number[] = [];
  for (const one of all) void one.then(({ status }) => statuses.push(status));
  await waitUntil(() => statuses.length === 4, { what: 'the four that are refused' });
  assert.deepEqual(statuses, [503, 503, 503, 503]);
  held.release(200);
  await Promise.all(all);
  assert.deepEqual(statuses.slice(4), [200, 200]);
  assert.equal(held.connections(), 2, 'each connection has one request');

  held.release(500);
  assert.equal((await stage.ask('httpbin.localhost')).status, 500);
  held.release(200);
  assert.equal((await stage.ask('httpbin.localhost')).status, 503, 'it is out');
});

/** Holds what comes until it is let go with a status. */
async function holding() {
  let status: number | undefined;
  let connections = 0;
  const waiting = new Set<ServerResponse>();
  let arrive: (what: 'held') => void = () => undefined;
  const arrived = new Promise<'held'>((resolve) => {
    arrive = resolve;
  });
  const server = createServer((_, response) => {
    arrive('held');
    if (status === undefined) waiting.add(response);
    else response.writeHead(status).end();
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scope.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    arrived,
    connections: () => connections,
    release(next: number) {
      status = next;
      for (const response of waiting) response.writeHead(next).end();
      waiting.clear();
    },
  };
}

test('destination-rule-reviews: random for the service, in turn for one version', async () => {
  await apply('destination-rule-reviews.yaml');
  const second = await echoOf('reviews 2nd of v2', 'reviews', 'v2');
  await stage.apply(
    virtualService('reviews', {
      ...{ hosts: ['reviews'], http: [{ route: [{ destination: { host: 'reviews', subset: 'v2' } }] }] },
    }),
  );
  await waitUntil(async () => (await everyVersion('reviews', 10)).length === 2, { what: 'both of v2' });
  const turns: string[] = [];
  for (let n = 0; n < 20; n++) turns.push(await answer('reviews'));
  assert.equal(
    turns.every((name, n) => n === 0 || name !== turns[n - 1]),
    true,
    `in turn: ${turns}`,
  );
  await stage.deregister(second);
  await stage.apply(
    virtualService('reviews', {
      hosts: ['reviews'],
      http: [{ route: [{ destination: { host: 'reviews' } }] }],
    }),
  );
  await waitUntil(async () => (await everyVersion('reviews')).length === 3, { what: 'all versions' });
  const random: string[] = [];
  for (let n = 0; n < 60; n++) random.push(await answer('reviews'));
  // Sixty in turn would never have the same twice in a row; at random it is so one time in 10^10.
  assert.ok(random.some((name, n) => name === random[n - 1]));
});

async function echoOf(answering: string, name: string, version: string): Promise<Instance> {
  const { port } = await echoUpstream(scope, answering);
  const instance = { name, version, port };
  await stage.register(instance);
  return instance;
}

test('egress-rule-google-apis, and a service outside that answers', async () => {
  await apply('egress-rule-google-apis.yaml');
  const outside = upstream('details v1');
  await stage.apply(
    {
      ...{ apiVersion: 'networking.istio.io/v1', kind: 'ServiceEntry', metadata: { name: 'outside' } },
      spec: {
        ...{ hosts: ['api.outside.example'], location: 'MESH_EXTERNAL', resolution: 'STATIC' },
        ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
        endpoints: [{ address: '127.0.0.1', ports: { http: outside.port } }],
      },
    },
    virtualService('outside', {
      ...{ hosts: ['api.outside.example'], gateways: ['portolan'] },
      http: [{ route: [{ destination: { host: 'api.outside.example', port: { number: 80 } } }] }],
    }),
  );
  assert.equal((await stage.ask('api.outside.example', { path: '/x' })).body, 'details v1');
  assert.equal(outside.seen.at(-1)?.headers.host, 'api.outside.example');
});

function virtualService(name: string, spec: object): object {
  return { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata: { name }, spec };
}

test('every file was applied', () => {
  assert.deepEqual([...applied].sort(), [...filesOf('istio-bookinfo')].sort());
});
