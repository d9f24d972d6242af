import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { launchProgram, type Program } from '@portolan/testkit/launch-program.ts';
import { requireProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { startLoad } from './load.fixture.ts';

const root = join(import.meta.dirname, '..');
const bin = join(root, 'node_modules', '.bin');
const env = { PATH: `${bin}:${process.env.PATH}`, NO_COLOR: '1' };

interface Demo {
  readonly program: Program;
  /** The printed commands, in order. */
  readonly commands: readonly string[];
  readonly server: string;
  readonly gateway: { readonly host: string; readonly port: number };
  readonly dataDir: string;
}

/** The demo on free ports, in a folder of its own. */
async function startDemo(t: TestContext, ...flags: readonly string[]): Promise<Demo> {
  const directory = tempDir('demo');
  const listeners = ['http', 'dns', 'gateway', 'proxy-admin'].flatMap((name) => [
    '--listen',
    `${name}=127.0.0.1:0`,
  ]);
  const program = await launchProgram({
    command: process.execPath,
    args: [join(root, 'scripts', 'demo.ts'), '--data-dir', directory.path, ...listeners, ...flags],
    env,
    ready: /Ctrl-C here stops everything/,
    readyTimeoutMs: 90_000,
    cleanUp: () => directory.remove(),
  });
  t.after(() => program.stop(20_000));
  const commands = program.output().match(/^ {4}\S.*$/gm) ?? [];
  const server = /--server (http:\S+)/.exec(program.output())?.[1] ?? '';
  const [, host = '', port = ''] = /http:\/\/([\d.]+):(\d+)\/$/m.exec(commands[0] ?? '') ?? [];
  return {
    program,
    commands: commands.map((line) => line.trim()),
    server,
    gateway: { host, port: Number(port) },
    dataDir: directory.path,
  };
}

/** As a user pastes it, in the repository's folder. */
async function paste(command: string): Promise<string> {
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', command], {
    cwd: root,
    env: { ...process.env, ...env },
  });
  return stdout;
}

function find(demo: Demo, pattern: RegExp): string {
  const command = demo.commands.find((line) => pattern.test(line));
  assert.ok(command, `no command ${pattern} in\n${demo.program.output()}`);
  return command;
}

interface HealthEntry {
  readonly Service: { readonly ID: string };
  readonly Checks: readonly { readonly CheckID: string; readonly Status: string }[];
}

async function checkStatus(demo: Demo, id: string): Promise<string | undefined> {
  const entries = (await (await fetch(`${demo.server}/v1/health/service/reviews`)).json()) as HealthEntry[];
  const entry = entries.find(({ Service }) => Service.ID === id);
  return entry?.Checks.find(({ CheckID }) => CheckID === `service:${id}`)?.Status;
}

/** The gateway's counters about the reviews. */
async function gatewayMetrics(demo: Demo): Promise<(name: string) => number> {
  const answer = await fetch(`${demo.server}/portolan/v1/listeners`);
  const listeners = (await answer.json()) as { name: string; port: number }[];
  const admin = listeners.find(({ name }) => name === 'proxy-admin');
  const text = await (await fetch(`http://127.0.0.1:${admin?.port}/metrics`)).text();
  return (name) =>
    Number(new RegExp(`^portolan_gateway_${name}{cluster="reviews"} (\\d+)$`, 'm').exec(text)?.[1]);
}

/** Pids whose command line holds all of `words`. */
function processesWith(...words: readonly string[]): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return words.every((word) => line.includes(word));
      } catch {
        return false; // Gone between the two looks.
      }
    })
    .map(Number)
    .filter((pid) => pid !== process.pid);
}

test('every command that the demo prints works when pasted', async (t) => {
  if (requireProgram(t, 'dig') === undefined || requireProgram(t, 'curl') === undefined) return;
  const demo = await startDemo(t);
  const left = new Set(demo.commands);
  const run = (pattern: RegExp): Promise<string> => {
    const command = find(demo, pattern);
    left.delete(command);
    return paste(command);
  };

  assert.match(await run(/^curl .*productpage/), /The Comedy of Errors.*answered by reviews <b>v[123]<\/b>/s);
  const versions = new Set<string>();
  for (let call = 0; call < 12; call += 1) {
    const body = JSON.parse(await run(/^curl .*reviews\/0$/)) as { version: string };
    versions.add(body.version);
  }
  assert.deepEqual([...versions].sort(), ['v1', 'v2', 'v3']);
  const answer = await run(/^dig /);
  assert.match(answer, /status: NOERROR/);
  assert.equal(answer.match(/^reviews\.service\.consul\.\s+\d+\s+IN\s+SRV\s/gm)?.length, 3);
  assert.match(await run(/^npx portolan services --server/), /^reviews +3\/3 +http$/m);
  assert.match(await run(/services reviews -o wide/), /^reviews-v2 .* passing .*version=v2/m);

  await run(/^kill -9 \d+$/);
  await waitUntil(() => /reviews-v2 \(pid \d+\) has ended: SIGKILL/.test(demo.program.output()));
  const services = find(demo, /services reviews --server/);
  left.delete(services);
  await waitUntil(async () => /^reviews-v2 .* critical /m.test(await paste(services)), { everyMs: 200 });

  const again = find(demo, /^npm run demo:service/);
  left.delete(again);
  await launchProgram({
    command: '/bin/sh',
    args: ['-c', again],
    cwd: root,
    env,
    ready: /is registered at/,
    test: t,
  });
  await waitUntil(async () => /^reviews-v2 .* passing /m.test(await paste(services)), { everyMs: 200 });
  assert.deepEqual([...left], [], 'each command was pasted');
});

test('a reviews process is killed under load, and comes back: no request fails', async (t) => {
  const demo = await startDemo(t);
  const load = startLoad(demo.gateway, [
    {
      host: 'productpage.localhost',
      path: '/',
      mustHold: 'answered by reviews',
      mustNotHold: 'class="error"',
    },
    { host: 'reviews.localhost', path: '/reviews/0', mustHold: '"version":"', mustNotHold: '"error"' },
  ]);
  t.after(() => load.stop());
  await waitUntil(() => load.seen('"version":"v3"') > 5);

  const [victim] = processesWith('bookinfo', 'reviews-v3', demo.server);
  assert.ok(victim, 'the process of reviews-v3');
  process.kill(victim, 'SIGKILL');
  await waitUntil(() => processesWith('bookinfo', 'reviews-v3', demo.server).length === 0);
  const atDeath = { all: load.done(), v3: load.seen('"version":"v3"') };
  await waitUntil(() => load.done() > atDeath.all + 100);
  // Found out by the requests themselves: each worker that met the dead instance put it out, and hardly asked it again.
  const metrics = await gatewayMetrics(demo);
  assert.ok(metrics('ejections_total') >= 1, 'it was put out of rotation');
  assert.ok(metrics('connect_failures_total') <= 20, 'it was hardly asked again');
  // Answers that were already on their way may still have been counted.
  assert.ok(load.seen('"version":"v3"') - atDeath.v3 <= 2);
  await waitUntil(async () => (await checkStatus(demo, 'reviews-v3')) === 'critical');

  const before = load.seen('"version":"v3"');
  await launchProgram({
    command: process.execPath,
    args: [join(root, 'examples/bookinfo/src/main.ts'), 'reviews-v3', '--server', demo.server],
    ready: /is registered at/,
    test: t,
  });
  await waitUntil(() => load.seen('"version":"v3"') > before + 5, { timeoutMs: 20_000 });
  assert.equal(await checkStatus(demo, 'reviews-v3'), 'passing');
  await load.stop();
  assert.deepEqual(load.failures(), []);
});

test('Ctrl-C stops everything, and the exit code is 0', async (t) => {
  const demo = await startDemo(t);
  assert.equal(processesWith('bookinfo', demo.server).length, 6);
  demo.program.kill('SIGINT');
  assert.deepEqual(await demo.program.exited, { code: 0, signal: null });
  await waitUntil(() => processesWith(demo.server).length + processesWith(demo.dataDir).length === 0);
  await assert.rejects(reachable(demo.gateway.port), { code: 'ECONNREFUSED' });
  assert.doesNotMatch(demo.program.output(), /has ended/);
});

test('the death of the server is told with its last words, and ends the demo with 1', async (t) => {
  const demo = await startDemo(t);
  const [server] = processesWith('portolan.mjs', 'server', demo.dataDir);
  assert.ok(server, 'the process of the server');
  process.kill(server, 'SIGKILL');
  assert.equal((await demo.program.exited).code, 1);
  assert.match(demo.program.output(), /the server has ended \(SIGKILL\)\. It wrote last:\n.*Ready in/s);
  await waitUntil(() => processesWith(demo.server).length === 0);
});

test('a port that is taken is named, with the command that goes around it', async (t) => {
  const demo = await startDemo(t);
  const port = new URL(demo.server).port;
  const second = await launchProgram({
    command: process.execPath,
    args: [join(root, 'scripts', 'demo.ts'), '--store', 'memory', '--listen', `http=127.0.0.1:${port}`],
    env,
    test: t,
  });
  assert.equal((await second.exited).code, 1);
  assert.match(second.output(), new RegExp(`127\\.0\\.0\\.1:${port}.*EADDRINUSE`));
  assert.match(second.output(), /^ {4}npm run demo -- --store memory --listen http=127\.0\.0\.1:0$/m);
});

function reachable(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve();
    });
    socket.on('error', reject);
  });
}
