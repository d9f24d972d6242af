import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '@portolan/testkit/fake-clock.ts';
import { Addresses } from './addresses.ts';

type Answer = (error: Error | null, addresses: readonly string[]) => void;

function world() {
  const clock = fakeClock();
  const asked: { host: string; answer: Answer }[] = [];
  let changes = 0;
  const addresses = new Addresses(
    clock,
    () => {
      changes += 1;
    },
    (host, answer) => asked.push({ host, answer }),
  );
  const answer = (...found: string[]) =>
    asked.shift()?.answer(found.length === 0 ? new Error('none') : null, found);
  return { clock, asked, addresses, answer, changes: () => changes };
}

test('addresses are themselves; names are looked up once, one after another, and waited for', async () => {
  const { asked, addresses, answer, changes } = world();
  const used = addresses.use(['10.0.0.1', 'a.test', 'b.test', 'a.test', 'no name; {}']);
  assert.deepEqual(
    asked.map(({ host }) => host),
    ['a.test'],
  );
  answer('10.0.0.9', '10.0.0.5');
  answer();
  await used;
  assert.equal(addresses.of('10.0.0.1'), '10.0.0.1');
  assert.equal(addresses.of('a.test'), '10.0.0.5');
  assert.equal(addresses.of('b.test'), undefined);
  assert.equal(addresses.of('no name; {}'), undefined);
  await addresses.use(['a.test', 'b.test']);
  assert.equal(asked.length, 0, 'still fresh');
  assert.equal(changes(), 0, 'who waited knows');
});

test('a slow name is not waited for longer than two seconds, nor twice, and told when it is there', async () => {
  const { clock, addresses, answer, changes } = world();
  const used = addresses.use(['slow.test']);
  clock.advance(2_000);
  await used;
  assert.equal(addresses.of('slow.test'), undefined);
  await addresses.use(['slow.test']);
  answer('10.0.0.1');
  assert.equal(addresses.of('slow.test'), '10.0.0.1');
  assert.equal(changes(), 1);
});

test('an address is kept while it is among the answers, or there are none; another one is told', async () => {
  const { clock, addresses, answer, changes } = world();
  const used = addresses.use(['a.test']);
  answer('10.0.0.2');
  await used;
  for (const [found, expected, told] of [
    [['10.0.0.1', '10.0.0.2'], '10.0.0.2', 0],
    [[], '10.0.0.2', 0],
    [['10.0.0.3'], '10.0.0.3', 1],
  ] as const) {
    clock.advance(30_000);
    addresses.refresh();
    answer(...found);
    assert.equal(addresses.of('a.test'), expected);
    assert.equal(changes(), told);
  }
});

test('an address to which nothing is sent is no answer', async () => {
  const { clock, addresses, answer, changes } = world();
  const used = addresses.use(['sly.test', 'turns.test']);
  answer('169.254.169.254', '::ffff:169.254.169.254');
  answer('0.0.0.0', '10.0.0.3');
  await used;
  assert.equal(addresses.of('sly.test'), undefined);
  assert.equal(addresses.of('turns.test'), '10.0.0.3');
  clock.advance(60_000);
  addresses.refresh();
  answer('169.254.169.254');
  answer('169.254.169.254');
  assert.equal(addresses.of('sly.test'), undefined);
  assert.equal(addresses.of('turns.test'), '10.0.0.3');
  assert.equal(changes(), 0);
});
