import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { startPortolan } from './portolan-process.ts';

/*
 * What other programs ask a Consul, call by call, as their documentation and sources tell. Where such a program itself can be run it is
 * the better judge: see consul-client.test.ts and consul-go.test.ts.
 */

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly json: unknown;
  readonly index: string;
  readonly headers: Headers;
}

type Ask = (method: string, path: string, body?: unknown) => Promise<Answer>;

async function startServer(t: TestContext): Promise<Ask> {
  const data = tempDir('sequences');
  const server = await startPortolan(t, { dataDir: data.path });
  t.after(() => data.remove());
  return async (method, path, body) => {
    const sent = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(`${server.http}/v1/${path}`, {
      method,
      ...(sent === undefined ? {} : { body: sent }),
    });
    const text = await response.text();
    return {
      status: response.status,
      text,
      get json() {
        return JSON.parse(text);
      },
      index: response.headers.get('x-consul-index') ?? '',
      headers: response.headers,
    };
  };
}

interface HealthItem {
  readonly Node: { readonly ID: string; readonly Node: string; readonly Datacenter: string };
  readonly Service: {
    readonly ID: string;
    readonly Address: string;
    readonly Port: number;
    readonly Tags: string[];
  };
  readonly Checks: readonly { readonly Status: string }[];
}

// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#consul_sd_config
test('Prometheus: the datacenter once, then services and the health of each, waited for', async (t) => {
  const ask = await startServer(t);
  const self = (await ask('GET', 'agent/self')).json as { Config: { Datacenter: string } };
  assert.equal(self.Config.Datacenter, 'dc1');
  const services = await ask('GET', 'catalog/services?stale=&wait=120000ms');
  assert.deepEqual(Object.keys(services.json as object), ['consul']);
  const waited = ask('GET', `catalog/services?index=${services.index}&stale=&wait=120000ms`);
  const tags = ['metrics', 'v1'];
  await ask('PUT', 'agent/service/register', { Name: 'web', Port: 80, Tags: tags, Check: { TTL: '1m' } });
  assert.deepEqual(((await waited).json as Record<string, string[]>).web, tags);
  const health = await ask('GET', 'health/service/web?stale=&tag=metrics&tag=v1&wait=120000ms');
  const [item] = health.json as HealthItem[];
  // Not only what passes: health becomes a label.
  assert.deepEqual(
    item?.Checks.map((check) => check.Status),
    ['passing', 'critical'],
  );
  assert.equal(item?.Node.Datacenter, 'dc1');
  assert.deepEqual((await ask('GET', 'health/service/web?stale=&tag=other&wait=120000ms')).json, []);
  const again = ask('GET', `health/service/web?index=${health.index}&stale=&tag=metrics&wait=120000ms`);
  await ask('PUT', 'agent/check/pass/service:web');
  assert.deepEqual(
    ((await again).json as HealthItem[])[0]?.Checks.map((check) => check.Status),
    ['passing', 'passing'],
  );
});

// https://doc.traefik.io/traefik/providers/consul-catalog/
test('Traefik: watches services and checks, then reads each service that is enabled', async (t) => {
  const ask = await startServer(t);
  const services = await ask('GET', 'catalog/services?stale=');
  const checks = await ask('GET', 'health/state/any?stale=');
  const bothMove = [
    ask('GET', `catalog/services?index=${services.index}&stale=&wait=300000ms`),
    ask('GET', `health/state/any?index=${checks.index}&stale=&wait=300000ms`),
  ];
  await ask('PUT', 'agent/service/register', {
    ...{ ID: 'web-1', Name: 'web', Address: '127.0.0.1', Port: 80 },
    Tags: ['traefik.enable=true', 'traefik.http.routers.web.rule=Host(`web.example`)'],
    Check: { TTL: '1m', Status: 'passing' },
  });
  for (const moved of await Promise.all(bothMove)) assert.equal(moved.status, 200);
  const found = await ask('GET', 'health/service/web?stale=&tag=traefik.enable%3Dtrue');
  const [item] = found.json as HealthItem[];
  assert.match(item?.Node.ID ?? '', /^[0-9a-f-]{36}$/);
  assert.equal(item?.Service.ID, 'web-1');
  assert.equal(item?.Service.Tags.length, 2);
  assert.deepEqual((await ask('GET', 'health/connect/web?stale=')).json, []);
  const filtered = await ask('GET', 'catalog/services?filter=%22traefik.enable%3Dtrue%22+in+ServiceTags');
  assert.deepEqual(Object.keys(filtered.json as object), ['web']);
});

// https://docs.spring.io/spring-cloud-consul/reference/
test('Spring Cloud Consul: registers, beats, registers again, watches services and settings', async (t) => {
  const ask = await startServer(t);
  const service = {
    ...{ ID: 'app-8080', Name: 'app', Address: '127.0.0.1', Port: 8080, Tags: [] },
    ...{ Meta: { secure: 'false' }, EnableTagOverride: false, Check: { TTL: '30s' } },
  };
  assert.match(String((await ask('GET', 'status/leader')).json), /:\d+$/);
  assert.equal((await ask('PUT', 'agent/service/register', service)).status, 200);
  assert.equal((await ask('PUT', 'agent/check/pass/service:app-8080')).status, 200);
  // The heartbeat of one that is not known any more is what makes it register anew.
  await ask('PUT', 'agent/service/deregister/app-8080');
  const lost = await ask('PUT', 'agent/check/pass/service:app-8080');
  assert.equal(lost.status, 404);
  assert.match(lost.text, /^Unknown check ID "service:app-8080"/);
  await ask('PUT', 'agent/service/register', service);
  assert.equal((await ask('PUT', 'agent/check/pass/service:app-8080')).status, 200);
  assert.equal(((await ask('GET', 'health/service/app?passing=true')).json as unknown[]).length, 1);
  const catalog = await ask('GET', 'catalog/services?wait=2s&index=1');
  assert.deepEqual(Object.keys(catalog.json as object), ['app', 'consul']);
  const woken = ask('GET', `catalog/services?wait=2s&index=${catalog.index}`);
  await ask('PUT', 'agent/service/register', { ...service, ID: 'other', Name: 'other' });
  assert.deepEqual(Object.keys((await woken).json as object), ['app', 'consul', 'other']);
  // Settings: 404 with an index until there are some.
  const none = await ask('GET', 'kv/config/app/?recurse&wait=55s');
  assert.equal(none.status, 404);
  const settings = ask('GET', `kv/config/app/?recurse&wait=55s&index=${none.index}`);
  await ask('PUT', 'kv/config/app/greeting', 'hello');
  const [pair] = (await settings).json as { Key: string; Value: string }[];
  assert.deepEqual(
    [pair?.Key, pair?.Value],
    ['config/app/greeting', Buffer.from('hello').toString('base64')],
  );
  // The bus of events: it fires by POST.
  const before = await ask('GET', 'event/list');
  const events = ask('GET', `event/list?wait=2s&index=${before.index}`);
  assert.equal((await ask('POST', 'event/fire/springCloudBus', '{"type":"Refresh"}')).status, 200);
  assert.equal(((await events).json as { Name: string }[])[0]?.Name, 'springCloudBus');
});

// https://gliderlabs.github.io/registrator/latest/user/backends/#consul
test('Registrator: registers with a TTL or HTTP check, lists what is its own, takes it off', async (t) => {
  const ask = await startServer(t);
  assert.equal((await ask('GET', 'status/leader')).status, 200);
  const ID = 'host:redis-1:6379';
  await ask('PUT', 'agent/service/register', {
    ...{ ID, Name: 'redis', Port: 6379, Tags: ['db'], Address: '127.0.0.1' },
    ...{ Check: { TTL: '30s' }, Meta: { container: 'redis-1' } },
  });
  const mine = (await ask('GET', 'agent/services')).json as Record<string, { ID: string; Port: number }>;
  assert.deepEqual([mine[ID]?.ID, mine[ID]?.Port], [ID, 6379]);
  assert.equal((await ask('PUT', `agent/service/deregister/${ID}`)).status, 200);
  assert.deepEqual((await ask('GET', 'agent/services')).json, {});
  await ask('PUT', `kv/registrator/redis/${encodeURIComponent(ID)}`, '127.0.0.1:6379');
  assert.equal((await ask('GET', `kv/registrator/redis/${ID}?raw`)).text, '127.0.0.1:6379');
});

// https://developer.hashicorp.com/consul/commands/exec and …/lock: a session, a key, an event, the answers under a prefix.
test('consul exec and consul watch: a job in a key, an event that tells of it, its index', async (t) => {
  const ask = await startServer(t);
  const { ID } = (await ask('PUT', 'session/create', { Name: 'Remote Exec', TTL: '15s', Behavior: 'delete' }))
    .json as { ID: string };
  assert.equal((await ask('PUT', `kv/_rexec/${ID}/job?acquire=${ID}`, '{}')).json, true);
  const fired = (await ask('PUT', 'event/fire/_rexec', '{}')).json as { ID: string };
  const list = await ask('GET', 'event/list?name=_rexec');
  assert.deepEqual(
    (list.json as { ID: string }[]).map((event) => event.ID),
    [fired.ID],
  );
  assert.match(list.index, /^\d+$/);
  await ask('PUT', `kv/_rexec/${ID}/n1/ack`, '');
  assert.deepEqual((await ask('GET', `kv/_rexec/${ID}/?keys`)).json, [
    `_rexec/${ID}/job`,
    `_rexec/${ID}/n1/ack`,
  ]);
  assert.equal((await ask('PUT', `session/destroy/${ID}`)).json, true);
  await waitUntil(async () => (await ask('GET', `kv/_rexec/${ID}/job`)).status === 404);
});
