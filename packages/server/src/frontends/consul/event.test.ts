import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { fakeClock } from '@portolan/testkit/fake-clock.ts';
import { eventLog, indexOfId } from './event-log.ts';
import { startTestServer } from './test-server.fixture.ts';

interface Event {
  readonly ID: string;
  readonly Name: string;
  readonly Payload: string | null;
  readonly LTime: number;
}

const eventIndex = (answer: { headers: Headers }) => answer.headers.get('x-consul-index') ?? '';

test('an event is fired with its payload and filters, and listed by name', async () => {
  await using server = await startTestServer();
  const fired = await server.put('/v1/event/fire/deploy?service=web&tag=v2', 'payload');
  assert.equal(fired.status, 200);
  await server.request('POST', '/v1/event/fire/refresh');
  const all = await server.get('/v1/event/list');
  assert.deepEqual(
    (all.json as Event[]).map(({ Name, Payload, LTime }) => [Name, Payload, LTime]),
    [
      ['deploy', Buffer.from('payload').toString('base64'), 1],
      ['refresh', null, 2],
    ],
  );
  const named = (await server.get('/v1/event/list?name=deploy')).json as (Event & {
    ServiceFilter: string;
  })[];
  assert.deepEqual(
    named.map(({ ID, ServiceFilter }) => [ID, ServiceFilter]),
    [[(fired.json as Event).ID, 'web']],
  );
});

test('a list is waited for until its newest event is another one', async () => {
  await using server = await startTestServer();
  const none = await server.get('/v1/event/list?name=deploy');
  assert.equal(eventIndex(none), '1');
  const waited = server.get(`/v1/event/list?name=deploy&index=${eventIndex(none)}&wait=60s`);
  await server.put('/v1/event/fire/other');
  const first = (await server.put('/v1/event/fire/deploy')).json as Event;
  const answer = await waited;
  assert.deepEqual(
    (answer.json as Event[]).map((event) => event.ID),
    [first.ID],
  );
  assert.equal(eventIndex(answer), indexOfId(first.ID));
  const unchanged = await server.get(`/v1/event/list?name=deploy&index=${eventIndex(answer)}&wait=1ms`);
  assert.equal(eventIndex(unchanged), eventIndex(answer));
});

test('only the newest 256 are kept, and each is bounded', async () => {
  await using server = await startTestServer({ config: { maxEvents: 3, maxEventBytes: 8 } });
  for (const name of ['a', 'b', 'c', 'd']) await server.put(`/v1/event/fire/${name}`);
  assert.deepEqual(
    ((await server.get('/v1/event/list')).json as Event[]).map((event) => event.Name),
    ['b', 'c', 'd'],
  );
  assert.equal((await server.put('/v1/event/fire/e', '123456789')).status, 413);
  assert.equal((await server.put(`/v1/event/fire/${'x'.repeat(300)}`)).status, 413);
});

test('stopping answers who waits for events', async () => {
  const server = await startTestServer();
  const waited = server.get('/v1/event/list?index=1&wait=10m');
  await server.get('/v1/event/list');
  await server.stop();
  assert.equal((await waited).status, 200);
});

test('the index of a UUID is what Consul clients compute', () => {
  assert.equal(indexOfId('00000000-0000-0001-0000-000000000002'), '3');
  assert.ok(BigInt(indexOfId(randomUUID())) < 2n ** 64n);
});

test('who waits is woken by an event of that name, by the end of the time, and by nothing else', async () => {
  const clock = fakeClock();
  const log = eventLog(clock, 10);
  const fire = (name: string) =>
    log.fire({ id: randomUUID(), name, payload: '', nodeFilter: '', serviceFilter: '', tagFilter: '' });
  const ended: string[] = [];
  const wait = (what: string, response = new EventEmitter()) => {
    const settle = (how: string) => () => void ended.push(`${what} ${how}`);
    return log.wait('deploy', log.indexOf('deploy'), 1_000, response).then(settle('woken'), settle('gone'));
  };
  const first = wait('first');
  const client = new EventEmitter();
  const second = wait('second', client);
  client.emit('close');
  await second;
  fire('other');
  await new Promise(setImmediate);
  assert.deepEqual(ended, ['second gone']);
  fire('deploy');
  await first;
  const third = wait('third');
  clock.advance(1_000);
  await third;
  assert.deepEqual(ended, ['second gone', 'first woken', 'third woken']);
});
