import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestServer, type TestServer } from './test-server.fixture.ts';

interface Outcome {
  readonly Results: readonly { readonly KV?: { readonly Session?: string; readonly LockIndex: number } }[];
  readonly Errors: readonly { readonly OpIndex: number; readonly What: string }[] | null;
}

async function transact(server: TestServer, ops: readonly object[]): Promise<[number, Outcome]> {
  const answer = await server.put('/v1/txn', ops);
  return [answer.status, answer.json as Outcome];
}

async function session(server: TestServer): Promise<string> {
  return ((await server.put('/v1/session/create', {})).json as { ID: string }).ID;
}

test('a lock and what it protects are taken together, or not at all', async () => {
  await using server = await startTestServer();
  const [first, second] = [await session(server), await session(server)];
  const take = (by: string) => [
    { KV: { Verb: 'lock', Key: 'leader', Value: '', Session: by } },
    { KV: { Verb: 'set', Key: 'who', Value: Buffer.from(by).toString('base64') } },
  ];
  const [taken, { Results }] = await transact(server, take(first));
  assert.equal(taken, 200);
  assert.deepEqual([Results[0]?.KV?.Session, Results[0]?.KV?.LockIndex], [first, 1]);
  const [refused, { Errors }] = await transact(server, take(second));
  assert.equal(refused, 409);
  assert.deepEqual(Errors, [{ OpIndex: 0, What: 'failed to lock key "leader", lock is already held' }]);
  assert.equal((await server.get('/v1/kv/who?raw')).text, first);
  const [released] = await transact(server, [{ KV: { Verb: 'unlock', Key: 'leader', Session: first } }]);
  assert.equal(released, 200);
  assert.equal((await transact(server, take(second)))[0], 200);
});

test('ending a session is part of a transaction', async () => {
  await using server = await startTestServer();
  const id = await session(server);
  await server.put(`/v1/kv/leader?acquire=${id}`, 'x');
  const [status] = await transact(server, [
    { Session: { Verb: 'delete', Session: { ID: id } } },
    { KV: { Verb: 'check-session', Key: 'leader', Session: '' } },
  ]);
  assert.equal(status, 200);
  assert.deepEqual((await server.get('/v1/session/list')).json, []);
});

test('the indexes of the results are those that the keys have then', async () => {
  await using server = await startTestServer();
  await server.put('/v1/kv/old', 'a');
  const ops = ['old', 'new'].map((Key) => ({ KV: { Verb: 'set', Key, Value: 'Yg==' } }));
  const writers = Array.from({ length: 8 }, (_, at) => server.put(`/v1/kv/other/${at}`, 'x'));
  const [[, { Results }]] = await Promise.all([transact(server, ops), ...writers]);
  const kept = ['old', 'new'].map(async (key) => {
    const [pair] = (await server.get(`/v1/kv/${key}`)).json as [object];
    return { KV: { ...pair, Value: null } };
  });
  assert.deepEqual(Results, await Promise.all(kept));
});

test('a transaction has at most 128 operations, and values are as large as keys may be', async () => {
  await using server = await startTestServer();
  const ops = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ KV: { Verb: 'set', Key: `k/${at}`, Value: '' } }));
  assert.equal((await server.put('/v1/txn', ops(128))).status, 200);
  const tooMany = await server.put('/v1/txn', ops(129));
  assert.equal(tooMany.status, 413);
  assert.equal(tooMany.text, 'Transaction contains too many operations (129 > 128)');
  const Value = Buffer.alloc(512 * 1024 + 1).toString('base64');
  const tooLarge = await server.put('/v1/txn', [{ KV: { Verb: 'set', Key: 'big', Value } }]);
  assert.equal(tooLarge.status, 413);
  assert.equal(tooLarge.text, 'Value for key "big" is too large (524289 > 524288 bytes)');
});
