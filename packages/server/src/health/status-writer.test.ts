import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Draft, Intent } from '@portolan/core/catalog/draft.ts';
import type { CheckRecord } from '@portolan/core/catalog/records.ts';
import { type FakeClock, fakeClock } from '@portolan/testkit/fake-clock.ts';
import { pino } from 'pino';
import { StatusWriter } from './status-writer.ts';

interface Submitted {
  /** `c1=passing`. */
  readonly wish: string;
  readonly settle: PromiseWithResolvers<unknown>;
}

interface Setup {
  readonly clock: FakeClock;
  readonly writer: StatusWriter;
  readonly submitted: Submitted[];
}

function setup(): Setup {
  const clock = fakeClock();
  const submitted: Submitted[] = [];
  const engine = {
    submit<T>(intent: Intent<T>): Promise<T> {
      const settle = Promise.withResolvers<unknown>();
      submitted.push({ wish: wishOf(intent), settle });
      return settle.promise as Promise<T>;
    },
  };
  const log = pino({ level: 'silent' });
  return { clock, writer: new StatusWriter({ engine, clock, random: () => 0.5, log }), submitted };
}

/** What the intent would put, upon a catalog that holds every check as critical. */
function wishOf(intent: Intent<unknown>): string {
  let wish = '';
  const draft: Pick<Draft, 'check' | 'put'> = {
    check: (_node, id) => ({ record: check(id), createRevision: 1, modifyRevision: 1 }),
    put: (record) => {
      if (record.kind === 'check') wish = `${record.id}=${record.status}`;
    },
  };
  intent(draft as Draft);
  return wish;
}

function check(id: string): CheckRecord {
  const origin = { dialect: 'consul', source: 'agent', node: 'n1' };
  return { kind: 'check', node: 'n1', id, name: '', status: 'critical', output: '', notes: '', origin };
}

const turn = (): Promise<void> => new Promise(setImmediate);
const away = new Fault('unavailable', 'away');

test('a status that was refused is tried again with growing pauses', async () => {
  const { clock, submitted, writer } = setup();
  writer.want(check('c1'), 'passing', '');
  const pauses: number[] = [];
  for (let round = 0; round < 8; round += 1) {
    submitted.at(-1)?.settle.reject(away);
    await turn();
    const startedAtMs = clock.monotonicMs();
    const before = submitted.length;
    while (submitted.length === before) clock.advance(10);
    pauses.push(clock.monotonicMs() - startedAtMs);
  }
  assert.deepEqual(pauses, [150, 300, 600, 1_200, 2_400, 4_800, 7_500, 7_500]);
  submitted.at(-1)?.settle.resolve(undefined);
  await turn();
  assert.ok(!writer.has('check/n1/c1'));
  assert.equal(clock.pending, 0);
});

test('of what was wanted meanwhile only the newest is written, in order', async () => {
  const { clock, submitted, writer } = setup();
  writer.want(check('c1'), 'passing', '');
  writer.want(check('c1'), 'warning', '');
  assert.equal(submitted.length, 1, 'one at a time for each check');
  submitted[0]?.settle.reject(away);
  await turn();
  clock.advance(1_000);
  assert.deepEqual(
    submitted.map(({ wish }) => wish),
    ['c1=passing', 'c1=warning'],
  );
});

test('no more than 256 are under way', async () => {
  const { submitted, writer } = setup();
  for (let index = 0; index < 1_000; index += 1) writer.want(check(`c${index}`), 'passing', '');
  assert.equal(submitted.length, 256);
  submitted[0]?.settle.resolve(undefined);
  await turn();
  assert.equal(submitted.length, 257);
});

test('a status that can never be written is not tried again', async () => {
  const { clock, submitted, writer } = setup();
  writer.want(check('c1'), 'passing', '');
  submitted[0]?.settle.reject(new Fault('internal', 'a defect'));
  await turn();
  clock.advance(60_000);
  assert.equal(submitted.length, 1);
  assert.ok(!writer.has('check/n1/c1'));
});

test('a check that was forgotten while its status waited is not written', async () => {
  const { clock, submitted, writer } = setup();
  writer.want(check('c1'), 'passing', '');
  submitted[0]?.settle.reject(away);
  await turn();
  writer.forget('check/n1/c1');
  clock.advance(60_000);
  assert.equal(submitted.length, 1);
});

test('a check that is forgotten while its status is under way is not tried again', async () => {
  const { clock, submitted, writer } = setup();
  writer.want(check('c1'), 'passing', '');
  writer.forget('check/n1/c1');
  submitted[0]?.settle.reject(away);
  await turn();
  clock.advance(60_000);
  assert.equal(submitted.length, 1);
});

test('stopping waits for what is under way and drops the rest', async () => {
  const { clock, submitted, writer } = setup();
  for (let index = 0; index < 300; index += 1) writer.want(check(`c${index}`), 'passing', '');
  let stopped = false;
  const stopping = writer.stop().then(() => {
    stopped = true;
  });
  await turn();
  assert.equal(stopped, false);
  for (const { settle } of submitted) settle.reject(away);
  await stopping;
  assert.equal(submitted.length, 256);
  assert.equal(clock.pending, 0);
});
