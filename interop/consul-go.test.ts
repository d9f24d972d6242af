import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { requireProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { startPortolan } from './portolan-process.ts';

const run = promisify(execFile);
const source = fileURLToPath(new URL('./testdata/consul-go/', import.meta.url));

/** A first build fetches the client's modules. */
const buildTimeoutMs = 240_000;
const runTimeoutMs = 60_000;

/** Undefined, and the test skipped: there is no Go here, or its modules cannot be had. With CI=true that is a failure. */
async function builtClient(t: TestContext): Promise<string | undefined> {
  const program = requireProgram(t, 'go');
  if (program === undefined) return undefined;
  const directory = tempDir('consul-go');
  t.after(() => directory.remove());
  cpSync(source, directory.path, { recursive: true });
  const env = { ...process.env, GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local' };
  const go = (...args: string[]) => run(program, args, { cwd: directory.path, env, timeout: buildTimeoutMs });
  try {
    await go('mod', 'download');
  } catch (thrown) {
    if (process.env.CI === 'true') throw thrown;
    t.skip(`Consul's Go client cannot be had: ${firstLine(thrown)}`);
    return undefined;
  }
  await go('build', '-o', 'client', '.');
  return join(directory.path, 'client');
}

function firstLine(thrown: unknown): string {
  return String((thrown as Error).message).split('\n', 1)[0] ?? '';
}

test("Consul's own Go client, unmodified, does all that it can", { timeout: 400_000 }, async (t) => {
  const client = await builtClient(t);
  if (client === undefined) return;
  const data = tempDir('consul-go-server');
  const server = await startPortolan(t, { dataDir: data.path });
  t.after(() => data.remove());
  const { stdout } = await run(client, [`127.0.0.1:${server.ports.http}`], { timeout: runTimeoutMs });
  const parts = stdout.trim().split('\n');
  assert.deepEqual(parts, [
    'ok self',
    'ok kv',
    'ok registration',
    'ok blocking',
    'ok session',
    'ok lock',
    'ok semaphore',
    'ok txn',
    'ok query',
    'ok event',
    'ok operator',
    'ok not enabled',
    'ok snapshot and monitor',
  ]);
});
