// biome-ignore-all lint/suspicious/noTemplateCurlyInString: so templates of queries are written
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestServer, type TestServer } from './test-server.fixture.ts';

interface Executed {
  readonly Service: string;
  readonly Nodes: readonly {
    readonly Node: { readonly Node: string };
    readonly Service: { readonly ID: string };
  }[];
  readonly DNS: { readonly TTL: string };
}

async function created(server: TestServer, query: object): Promise<string> {
  const answer = await server.request('POST', '/v1/query', query);
  assert.equal(answer.status, 200, answer.text);
  return (answer.json as { ID: string }).ID;
}

async function executed(server: TestServer, path: string): Promise<Executed> {
  const answer = await server.get(`/v1/query/${path}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json as Executed;
}

const ids = (answer: Executed) => answer.Nodes.map((item) => item.Service.ID);

async function registerOn(server: TestServer, Node: string, ID: string, Tags: string[] = []): Promise<void> {
  const Service = { ID, Service: 'web', Port: 80, Tags };
  await server.put('/v1/catalog/register', { Node, Address: '10.0.0.2', Service });
}

test('a query is created, read, executed, changed and deleted', async () => {
  await using server = await startTestServer();
  await registerOn(server, 'n2', 'a', ['v1']);
  await registerOn(server, 'n2', 'b', ['v2']);
  const id = await created(server, { Name: 'find', Service: { Service: 'web' }, DNS: { TTL: '10s' } });
  const [shown] = (await server.get(`/v1/query/${id}`)).json as [{ ID: string; Name: string }];
  assert.deepEqual([shown.ID, shown.Name], [id, 'find']);
  assert.deepEqual(((await server.get('/v1/query')).json as unknown[]).length, 1);
  const byName = await executed(server, 'find/execute');
  assert.deepEqual([byName.Service, byName.DNS.TTL, ids(byName)], ['web', '10s', ['a', 'b']]);
  assert.deepEqual(ids(await executed(server, `${id}/execute?limit=1`)), ['a']);
  const changed = await server.put(`/v1/query/${id}`, {
    Name: 'find',
    Service: { Service: 'web', Tags: ['!v1'] },
  });
  assert.deepEqual([changed.status, changed.text], [200, '']);
  assert.deepEqual(ids(await executed(server, 'find/execute')), ['b']);
  assert.equal((await server.request('DELETE', `/v1/query/${id}`)).status, 200);
  for (const path of [id, `${id}/execute`, 'find/execute', 'find/explain']) {
    const gone = await server.get(`/v1/query/${path}`);
    assert.deepEqual([gone.status, gone.text], [404, 'Query not found']);
  }
});

test('the nearest node comes first: as the request says, else as the query does', async () => {
  await using server = await startTestServer();
  for (const node of ['n2', 'n3', 'n4']) await registerOn(server, node, `on-${node}`);
  await created(server, { Name: 'near', Service: { Service: 'web', Near: 'n3' } });
  assert.equal(ids(await executed(server, 'near/execute'))[0], 'on-n3');
  assert.equal(ids(await executed(server, 'near/execute?near=n4'))[0], 'on-n4');
});

test('a template answers every name that starts so, and explain shows what becomes of it', async () => {
  await using server = await startTestServer();
  await registerOn(server, 'n2', 'a', ['blue']);
  await registerOn(server, 'n2', 'b', ['green']);
  await created(server, {
    Name: 'colour-',
    Template: { Type: 'name_prefix_match', Regexp: '^colour-(.*)-of-(.+)$' },
    Service: { Service: '${match(2)}', Tags: ['${match(1)}'] },
  });
  assert.deepEqual(ids(await executed(server, 'colour-green-of-web/execute')), ['b']);
  const { Query } = (await server.get('/v1/query/colour-red-of-db/explain')).json as {
    Query: { Service: { Service: string; Tags: string[] } };
  };
  assert.deepEqual([Query.Service.Service, Query.Service.Tags], ['db', ['red']]);
});

test('a query goes with its session, and a name is given once', async () => {
  await using server = await startTestServer();
  const session = ((await server.put('/v1/session/create', {})).json as { ID: string }).ID;
  await created(server, { Name: 'bound', Session: session, Service: { Service: 'web' } });
  const again = await server.request('POST', '/v1/query', { Name: 'Bound', Service: { Service: 'web' } });
  assert.deepEqual([again.status, again.text], [409, 'name "Bound" aliases an existing query name']);
  await server.put(`/v1/session/destroy/${session}`);
  assert.deepEqual((await server.get('/v1/query')).json, []);
});

test('a list of queries is waited for', async () => {
  await using server = await startTestServer();
  const first = await server.get('/v1/query');
  const waited = server.get(`/v1/query?index=${first.index}&wait=60s`);
  const id = await created(server, { Service: { Service: 'web' } });
  assert.equal(((await waited).json as [{ ID: string }])[0].ID, id);
});
