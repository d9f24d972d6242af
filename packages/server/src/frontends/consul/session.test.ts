import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCatalog } from '@portolan/core/catalog/catalog.ts';
import type { Draft } from '@portolan/core/catalog/draft.ts';
import { keyOf } from '@portolan/core/catalog/records.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import fc from 'fast-check';
import { registerSelf } from './self.ts';
import { acquireLock, createSession, destroySession, releaseLock } from './session-intents.ts';
import { startTestServer, type TestServer, testIdentity } from './test-server.fixture.ts';
import type { Session } from './translate-session.ts';

async function createdSession(server: TestServer, body: object = {}): Promise<string> {
  const answer = await server.put('/v1/session/create', body);
  assert.equal(answer.status, 200, answer.text);
  return (answer.json as { ID: string }).ID;
}

async function acquired(server: TestServer, key: string, session: string): Promise<boolean> {
  return (await server.put(`/v1/kv/${key}?acquire=${session}`, 'mine')).json as boolean;
}

test('a lock is held by one session until it is released', async () => {
  await using server = await startTestServer();
  const [first, second] = [await createdSession(server), await createdSession(server)];
  assert.equal(await acquired(server, 'leader', first), true);
  assert.equal(await acquired(server, 'leader', first), true);
  assert.equal(await acquired(server, 'leader', second), false);
  const [pair] = (await server.get('/v1/kv/leader')).json as [{ Session: string; LockIndex: number }];
  assert.deepEqual([pair.Session, pair.LockIndex], [first, 1]);
  assert.equal((await server.put(`/v1/kv/leader?release=${second}`, '')).json, false);
  assert.equal((await server.put(`/v1/kv/leader?release=${first}`, 'bye')).json, true);
  assert.equal(await acquired(server, 'leader', second), true);
});

test('a destroyed session releases its keys, or deletes them, at once', async () => {
  await using server = await startTestServer();
  const releasing = await createdSession(server);
  const deleting = await createdSession(server, { Behavior: 'delete' });
  await acquired(server, 'a', releasing);
  await acquired(server, 'b', deleting);
  await server.put(`/v1/session/destroy/${releasing}`);
  await server.put(`/v1/session/destroy/${deleting}`);
  assert.equal(((await server.get('/v1/kv/a')).json as [{ Session?: string }])[0].Session, undefined);
  assert.equal((await server.get('/v1/kv/b')).status, 404);
  assert.deepEqual((await server.get('/v1/session/list')).json, []);
});

test('a bound check that turns critical ends the session, and its key cannot be locked for the lock delay', async () => {
  await using server = await startTestServer();
  await server.put('/v1/agent/check/register', { ID: 'alive', Name: 'alive', TTL: '60s', Status: 'passing' });
  const session = await createdSession(server, { NodeChecks: ['alive'], LockDelay: '200ms' });
  await acquired(server, 'leader', session);
  await server.put('/v1/agent/check/fail/alive');
  await waitUntil(
    async () => ((await server.get(`/v1/session/info/${session}`)).json as unknown[]).length === 0,
  );
  const next = await createdSession(server);
  assert.equal(await acquired(server, 'leader', next), false);
  await waitUntil(() => acquired(server, 'leader', next));
});

test('a session whose TTL runs out is gone; one that is renewed is not', async () => {
  await using server = await startTestServer();
  const session = await createdSession(server, { TTL: '10s', Name: 'worker' });
  const renewed = await server.put(`/v1/session/renew/${session}`);
  assert.equal((renewed.json as [{ TTL: string; Name: string }])[0].TTL, '10s');
  const left = server.engine.leases.remainingMs(`consul-session/${session}`) ?? 0;
  assert.ok(left > 10_000, `${left} ms left`);
  const missing = await server.put('/v1/session/renew/none');
  assert.deepEqual([missing.status, missing.text], [404, "Session id 'none' not found"]);
});

test('a session watched by its index wakes when it ends', async () => {
  await using server = await startTestServer();
  const session = await createdSession(server);
  const before = await server.get(`/v1/session/info/${session}`);
  let woken = false;
  const waiting = server.get(`/v1/session/info/${session}?index=${before.index}&wait=60s`).finally(() => {
    woken = true;
  });
  const other = await createdSession(server);
  await server.put(`/v1/session/destroy/${other}`);
  assert.equal(woken, false, 'another session woke the watcher');
  await server.put(`/v1/session/destroy/${session}`);
  assert.deepEqual((await waiting).json, []);
});

const refused: readonly (readonly [body: object, status: number, text: RegExp])[] = [
  [{ TTL: '5s' }, 400, /Invalid Session TTL '5s', must be between/],
  [{ TTL: 'soon' }, 400, /Invalid Session TTL 'soon'/],
  [{ Behavior: 'keep' }, 400, /Invalid Behavior setting 'keep'/],
  [{ Node: 'nowhere' }, 500, /Missing node registration/],
  [{ NodeChecks: ['none'] }, 500, /Missing check 'none' registration/],
  [{ LockDelay: 'x' }, 400, /invalid LockDelay/],
];
for (const [body, status, text] of refused) {
  test(`refused: a session with ${JSON.stringify(body)}`, async () => {
    await using server = await startTestServer();
    const answer = await server.put('/v1/session/create', body);
    assert.equal(answer.status, status);
    assert.match(answer.text, text);
  });
}

test('locking with an unknown session is refused with 500', async () => {
  await using server = await startTestServer();
  const answer = await server.put('/v1/kv/a?acquire=none', 'x');
  assert.deepEqual([answer.status, answer.text], [500, 'invalid session "none"']);
});

const plain: Session = {
  name: '',
  node: testIdentity.node,
  lockDelayMs: 0,
  behavior: 'release',
  ttlMs: 0,
  nodeChecks: [],
  serviceChecks: [],
};

type Step = {
  readonly session: number;
  readonly key: string;
  readonly act: 'create' | 'destroy' | 'acquire' | 'release' | 'write';
};
const steps = fc.array(
  fc.record({
    session: fc.integer({ min: 0, max: 2 }),
    key: fc.constantFrom('a', 'b'),
    act: fc.constantFrom('create', 'destroy', 'acquire', 'release', 'write'),
  }) as fc.Arbitrary<Step>,
  { maxLength: 60 },
);

/** Runs in batches of random sizes, as the engine does: each intent sees what those before it want. */
test('a lock is never held by two at once, whatever the schedule', () => {
  fc.assert(
    fc.property(steps, fc.array(fc.integer({ min: 1, max: 8 })), (schedule, sizes) => {
      const catalog = createCatalog();
      const commit = (intents: readonly ((draft: Draft) => unknown)[]): readonly unknown[] =>
        catalog.decide(intents).map((decision) => {
          if (decision.outcome === 'refused') return undefined;
          const { writes } = decision.transaction;
          if (writes.length > 0) catalog.apply({ revision: catalog.revision + 1, writes });
          return decision.result;
        });
      commit([(draft) => registerSelf(draft, testIdentity, 1)]);
      const holders = new Map<string, number>();
      let at = 0;
      for (let batch = 0; at < schedule.length; batch++) {
        const taken = schedule.slice(at, at + (sizes[batch % Math.max(1, sizes.length)] ?? 3));
        at += taken.length;
        const results = commit(taken.map((step) => (draft: Draft) => intent(draft, step)));
        for (const [index, step] of taken.entries()) check(holders, step, results[index]);
        for (const [key, holder] of holders) assert.equal(catalog.kv(key)?.record.session, `s${holder}`);
      }
    }),
  );
});

function intent(draft: Draft, { session, key, act }: Step): unknown {
  const id = `s${session}`;
  const write = { kind: 'kv', key, value: '', flags: '0', lockIndex: 0 } as const;
  switch (act) {
    case 'create':
      if (draft.lease(id) === undefined) createSession(draft, id, plain, testIdentity.node);
      return true;
    case 'destroy':
      return destroySession(draft, id);
    case 'acquire':
      return acquireLock(draft, write, id, false);
    case 'release':
      return releaseLock(draft, write, id);
    case 'write': {
      const before = draft.kv(key)?.record;
      if (before !== undefined) draft.put({ ...before, value: 'dw==' });
      else if (draft.lease(id) !== undefined) draft.delete(keyOf.kv(key));
      return true;
    }
  }
}

/** The model: who was told that he holds what. */
function check(holders: Map<string, number>, { session, key, act }: Step, result: unknown): void {
  const holder = holders.get(key);
  if (act === 'acquire' && result === true) {
    assert.ok(
      holder === undefined || holder === session,
      `${key} was given to ${session} while ${holder} holds it`,
    );
    holders.set(key, session);
  }
  if (act === 'release' && result === true) {
    assert.equal(holder, session);
    holders.delete(key);
  }
  if (act === 'destroy' && Array.isArray(result)) for (const lost of result) holders.delete(String(lost));
}
