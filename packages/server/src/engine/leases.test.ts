import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { fakeClock } from '@portolan/testkit/fake-clock.ts';
import { pino } from 'pino';
import { createLeases } from './leases.ts';

const log = pino({ level: 'silent' });

function table() {
  const clock = fakeClock();
  const leases = createLeases({ clock, log });
  leases.start();
  const expired: string[] = [];
  const grant = (id: string, ttlMs: number): void => leases.grant(id, ttlMs, () => expired.push(id));
  return { clock, leases, expired, grant };
}

test('a lease that nobody renews ends once, after its TTL and not before', () => {
  const { clock, leases, expired, grant } = table();
  grant('a', 5_000);
  clock.advance(4_999);
  assert.deepEqual(expired, []);
  assert.equal(leases.size, 1);
  clock.advance(200);
  assert.deepEqual(expired, ['a']);
  assert.equal(leases.size, 0);
  assert.equal(leases.renew('a'), false);
  assert.equal(leases.remainingMs('a'), undefined);
  clock.advance(60_000);
  assert.deepEqual(expired, ['a']);
});

test('renewing gives a fresh deadline', () => {
  const { clock, leases, expired, grant } = table();
  grant('a', 5_000);
  for (let i = 0; i < 10; i++) {
    clock.advance(4_000);
    assert.equal(leases.renew('a'), true);
    assert.equal(leases.remainingMs('a'), 5_000);
  }
  assert.deepEqual(expired, []);
});

test('a revoked lease ends silently', () => {
  const { clock, leases, expired, grant } = table();
  grant('a', 5_000);
  assert.equal(leases.revoke('a'), true);
  assert.equal(leases.revoke('a'), false);
  clock.advance(60_000);
  assert.deepEqual(expired, []);
});

test('granting a lease again replaces it, with its TTL and its end', () => {
  const { clock, leases, expired, grant } = table();
  grant('a', 5_000);
  leases.grant('a', 20_000, () => expired.push('second a'));
  assert.equal(leases.size, 1);
  clock.advance(10_000);
  assert.deepEqual(expired, []);
  clock.advance(11_000);
  assert.deepEqual(expired, ['second a']);
});

test('an end that throws does not keep the others from ending', () => {
  const { clock, leases, expired, grant } = table();
  leases.grant('bad', 1_000, () => {
    throw new Error('a defect');
  });
  grant('good', 1_000);
  clock.advance(1_200);
  assert.deepEqual(expired, ['good']);
});

test('a jump of the wall clock, forward or back, changes nothing', () => {
  const { clock, leases, expired, grant } = table();
  grant('a', 5_000);
  clock.jumpWall(365 * 86_400_000);
  clock.advance(2_000);
  clock.jumpWall(-2 * 365 * 86_400_000);
  clock.advance(2_000);
  assert.deepEqual(expired, []);
  assert.equal(leases.remainingMs('a'), 1_000);
  clock.advance(1_200);
  assert.deepEqual(expired, ['a']);
});

test('nobody ends for a pause of ours: every deadline moves on by the time that was lost', () => {
  const { clock, leases, expired, grant } = table();
  grant('short', 2_000);
  grant('long', 60_000);
  clock.advance(1_000);
  clock.suspend(3_600_000);
  assert.deepEqual(expired, []);
  assert.equal(leases.remainingMs('short'), 900);
  assert.ok(leases.lostMs > 3_590_000);
  clock.advance(800);
  assert.deepEqual(expired, []);
  clock.advance(300);
  assert.deepEqual(expired, ['short']);
  clock.advance(60_000);
  assert.deepEqual(expired, ['short', 'long']);
});

test('a loop that is only a little late loses no time', () => {
  const { clock, expired, grant } = table();
  grant('a', 5_000);
  for (let i = 0; i < 10; i++) clock.suspend(500);
  assert.deepEqual(expired, ['a']);
});

test('a lease granted after a pause, before the clock ticked again, is not ended early', () => {
  const { clock, leases, expired } = table();
  clock.suspend(0);
  // The tick after a pause runs behind whatever the sockets bring first.
  clock.after(0, () => leases.grant('a', 1_000, () => expired.push('a')));
  clock.suspend(900);
  clock.advance(900);
  assert.deepEqual(expired, []);
  clock.advance(400);
  assert.deepEqual(expired, ['a']);
});

test('100,000 leases are renewed and none ends', () => {
  const { clock, leases, expired, grant } = table();
  for (let i = 0; i < 100_000; i++) grant(`lease-${i}`, 10_000);
  for (let round = 0; round < 5; round++) {
    clock.advance(8_000);
    for (let i = 0; i < 100_000; i++) leases.renew(`lease-${i}`);
  }
  assert.equal(expired.length, 0);
  leases.stop();
  assert.equal(clock.pending, 0);
});

test('a process that is stopped and continued ends no lease for it', async () => {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.resolve('./testdata/lease-holder.ts'))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, 'granted 1500');
    child.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    child.kill('SIGCONT');
    // The child tells when its table noticed the pause, and what is left of the lease then; later, that it ended.
    const noticed = JSON.parse(String((await lines.next()).value)) as { lostMs: number; leases: number };
    assert.ok(noticed.lostMs > 1_500, `noticed ${noticed.lostMs} ms`);
    assert.equal(noticed.leases, 1);
    assert.equal((await lines.next()).value, 'expired');
  } finally {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
});
