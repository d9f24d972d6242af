import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FakeClock, fakeClock } from '@portolan/testkit/fake-clock.ts';
import { type Lookup, Resolver } from './resolve.ts';

interface Setup {
  readonly clock: FakeClock;
  readonly resolver: Resolver;
  /** Lookups under way, in order. */
  readonly asked: { host: string; answer: Parameters<Lookup>[1] }[];
  /** The answers that callers got. */
  readonly got: string[];
  ask(host: string): void;
}

function setup(): Setup {
  const clock = fakeClock();
  const asked: Setup['asked'] = [];
  const got: string[] = [];
  const resolver = new Resolver(clock, (host, answer) => void asked.push({ host, answer }));
  const ask = (host: string): void =>
    resolver.resolve(host, (reason, addresses) => void got.push(reason ?? addresses.join(',')));
  return { clock, resolver, asked, got, ask };
}

const found = (...addresses: string[]): [null, { address: string }[]] => [
  null,
  addresses.map((address) => ({ address })),
];

test('many who ask for one name cost one lookup, and a fresh answer costs none', () => {
  const { asked, got, ask } = setup();
  for (let index = 0; index < 10; index += 1) ask('a.test');
  assert.equal(asked.length, 1);
  asked[0]?.answer(...found('10.0.0.1', '10.0.0.2'));
  ask('a.test');
  assert.equal(asked.length, 1);
  assert.deepEqual(got, new Array(11).fill('10.0.0.1,10.0.0.2'));
});

test('an old answer is used while a new one is asked for, and while that fails, but not for ever', () => {
  const { asked, clock, got, ask } = setup();
  ask('a.test');
  asked[0]?.answer(...found('10.0.0.1'));
  clock.advance(6_000);
  ask('a.test');
  assert.equal(asked.length, 2);
  asked[1]?.answer(Object.assign(new Error('timeout'), { code: 'EAI_AGAIN' }), []);
  clock.advance(6_000);
  ask('a.test');
  assert.deepEqual(got, ['10.0.0.1', '10.0.0.1', '10.0.0.1']);
  asked[2]?.answer(Object.assign(new Error('timeout'), { code: 'EAI_AGAIN' }), []);
  clock.advance(60_000);
  ask('a.test');
  asked[3]?.answer(Object.assign(new Error('timeout'), { code: 'EAI_AGAIN' }), []);
  assert.equal(got.at(-1), 'lookup a.test: timeout');
});

test('a name that moved is followed', () => {
  const { asked, clock, got, ask } = setup();
  ask('a.test');
  asked[0]?.answer(...found('10.0.0.1'));
  clock.advance(6_000);
  ask('a.test');
  asked[1]?.answer(...found('10.0.0.2'));
  ask('a.test');
  assert.equal(got.at(-1), '10.0.0.2');
});

test('dead names never keep a living one waiting', () => {
  const { asked, clock, got, ask } = setup();
  for (let index = 0; index < 20; index += 1) ask(`dead-${index}.test`);
  // Each fails once, after a while: they are slow from now on.
  for (let index = 0; index < 20; index += 1) {
    clock.advance(100);
    asked[index]?.answer(new Error('timeout'), []);
  }
  clock.advance(10_000);
  for (let index = 0; index < 20; index += 1) ask(`dead-${index}.test`);
  assert.equal(asked.length, 21, 'one of the dead is asked for at a time');
  ask('living.test');
  assert.equal(asked.length, 22);
  asked[21]?.answer(...found('10.0.0.1'));
  assert.equal(got.at(-1), '10.0.0.1');
});

test('who waits is bounded', () => {
  const { got, ask } = setup();
  for (let index = 0; index < 100; index += 1) ask('a.test');
  assert.equal(got.length, 36);
  for (let index = 0; index < 2_000; index += 1) ask(`${index}.test`);
  assert.ok(got.length > 900);
  assert.ok(got.every((reason) => reason.includes('too much waits')));
});
