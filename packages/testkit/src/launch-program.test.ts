import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { freePort } from './free-port.ts';
import { launchProgram } from './launch-program.ts';
import { findProgram } from './require-program.ts';
import { waitUntil } from './wait-until.ts';

/** A zombie that nobody has waited for is dead. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('a program is ready when its output says so, and is gone after stop', async (t) => {
  const program = await launchProgram({
    command: process.execPath,
    args: ['-e', 'console.log("up on 1"); setInterval(() => {}, 1000)'],
    ready: /up on \d/,
    test: t,
  });
  assert.ok(isAlive(program.pid));
  assert.match(program.output(), /up on 1/);
  assert.deepEqual(await program.stop(), { code: null, signal: 'SIGTERM' });
  assert.ok(!isAlive(program.pid));
});

test('a program that ends before it is ready is an error with its output', async () => {
  await assert.rejects(
    launchProgram({
      command: process.execPath,
      args: ['-e', 'console.error("no such port"); process.exit(3)'],
      ready: /never/,
    }),
    /ended with 3 before it was ready; it wrote:\nno such port/,
  );
});

test('a program that does not exist is an error, and its clean-up runs', async () => {
  let cleaned = false;
  const cleanUp = (): void => {
    cleaned = true;
  };
  const launched = launchProgram({ command: '/nowhere/at-all', cleanUp });
  await assert.rejects(launched, /ENOENT/);
  assert.ok(cleaned);
});

test('a program that ignores SIGTERM is killed, with its children', async (t) => {
  const program = await launchProgram({
    command: '/bin/sh',
    args: ['-c', 'trap "" TERM; sleep 1000 & echo child $!; wait'],
    ready: /child \d+/,
    test: t,
  });
  const child = Number(/child (\d+)/.exec(program.output())?.[1]);
  await program.stop(50);
  await waitUntil(() => !isAlive(child), { what: 'the child to be gone' });
});

test('a program dies with the process that launched it, even by kill -9', async (t) => {
  const here = new URL('./launch-program.ts', import.meta.url).href;
  const script = `
    import { launchProgram } from ${JSON.stringify(here)};
    const program = await launchProgram({ command: '/bin/sleep', args: ['1000'] });
    console.log('grandchild ' + program.pid);
    setInterval(() => {}, 1000);`;
  const parent = await launchProgram({
    command: process.execPath,
    args: ['--input-type=module', '-e', script],
    ready: /grandchild \d+/,
    test: t,
  });
  const grandchild = Number(/grandchild (\d+)/.exec(parent.output())?.[1]);
  assert.ok(isAlive(grandchild));
  parent.kill('SIGKILL');
  await waitUntil(() => !isAlive(grandchild), { what: 'the grandchild to be gone' });
});

test('a launched program does not keep a process alive that is done', async (t) => {
  const here = new URL('./launch-program.ts', import.meta.url).href;
  const script = `
    import { launchProgram } from ${JSON.stringify(here)};
    const program = await launchProgram({ command: '/bin/sleep', args: ['1000'] });
    await program.stop();`;
  const parent = await launchProgram({
    command: process.execPath,
    args: ['--input-type=module', '-e', script],
    test: t,
  });
  assert.deepEqual(await parent.exited, { code: 0, signal: null });
});

test('waitUntil gives up with the last error as its cause', async () => {
  const waiting = waitUntil(
    () => {
      throw new Error('still closed');
    },
    { timeoutMs: 30, what: 'the door' },
  );
  await assert.rejects(waiting, (error: Error) => {
    assert.match(error.message, /waiting for the door/);
    assert.match(String(error.cause), /still closed/);
    return true;
  });
});

test('findProgram finds what is installed and nothing else', () => {
  assert.ok(findProgram('sh'));
  assert.equal(findProgram('no-such-program-anywhere'), undefined);
});

test('freePort gives a port', async () => {
  assert.ok((await freePort()) > 0);
});
