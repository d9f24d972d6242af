import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '@portolan/testkit/fake-clock.ts';
import { pino } from 'pino';
import type { Part } from './contract.ts';
import { createLife } from './life.ts';

function parts(told: string[], failing: { start?: string; stop?: string } = {}): Part[] {
  return ['a', 'b', 'c'].map((name) => ({
    name,
    async start() {
      told.push(`start ${name}`);
      if (failing.start === name) throw new Error(`${name} cannot start`);
    },
    async stop() {
      told.push(`stop ${name}`);
      if (failing.stop === name) throw new Error(`${name} cannot stop`);
    },
    readiness: () => (name === 'b' ? ['b is tired'] : []),
  }));
}

const options = { clock: fakeClock(), log: pino({ level: 'silent' }) };

test('parts start in order and stop in reverse, once', async () => {
  const told: string[] = [];
  const life = createLife(options);
  await life.start(parts(told));
  await Promise.all([life.stop(10), life.stop(10)]);
  assert.deepEqual(told, ['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a']);
});

test('when one cannot start, those before it are stopped and its error is thrown', async () => {
  const told: string[] = [];
  const life = createLife(options);
  await assert.rejects(life.start(parts(told, { start: 'c' })), /c cannot start/);
  assert.deepEqual(told, ['start a', 'start b', 'start c', 'stop b', 'stop a']);
});

test('one that cannot stop does not keep the others from it', async () => {
  const told: string[] = [];
  const life = createLife(options);
  await life.start(parts(told, { stop: 'b' }));
  await life.stop(10);
  assert.deepEqual(told.slice(3), ['stop c', 'stop b', 'stop a']);
});

test('readiness tells what each part says of itself, and that it is stopping', async () => {
  const life = createLife(options);
  await life.start(parts([]));
  assert.deepEqual(
    life.readiness().map(({ problems }) => problems),
    [[], ['b is tired'], []],
  );
  await life.stop(10);
  assert.deepEqual(life.readiness()[0]?.problems, ['stopping']);
});
