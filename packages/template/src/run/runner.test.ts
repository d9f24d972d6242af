import assert from 'node:assert/strict';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { Clock } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import type { Answer } from '../data/consul-client.ts';
import { defaultRetry } from '../data/watched-data.ts';
import { commandLine } from './command.ts';
import { Runner, type RunnerOptions } from './runner.ts';
import { plainTemplate, type TemplateSpec } from './template-spec.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portolan-template-'));
});
const started: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.allSettled(started.splice(0).map((stop) => stop()));
  rmSync(folder, { recursive: true, force: true });
});

const realClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** A registry of keys: `set` wakes the blocking queries. */
class FakeRegistry {
  readonly #keys = new Map<string, string>();
  #index = 1;
  #waiting: (() => void)[] = [];
  requests = 0;
  down = false;

  set(key: string, value: string): void {
    this.#keys.set(`/v1/kv/${key}`, value);
    this.#index++;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async get(path: string, block: { index: number } | undefined, signal: AbortSignal): Promise<Answer> {
    this.requests++;
    if (this.down) throw new Fault('unavailable', 'down');
    if (block !== undefined && block.index >= this.#index) await this.#change(signal);
    if (this.down) throw new Fault('unavailable', 'down');
    const value = this.#keys.get(path);
    const body =
      value === undefined ? undefined : [{ Key: path, Value: Buffer.from(value).toString('base64') }];
    return { body, index: this.#index };
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(resolve);
      signal.addEventListener('abort', () => reject(new Fault('cancelled', 'cancelled')), { once: true });
    });
  }
}

interface Running {
  readonly stop: () => Promise<void>;
  readonly done: Promise<void>;
  readonly failures: string[];
  readonly renders: string[];
}

function start(
  registry: FakeRegistry,
  templates: readonly Partial<TemplateSpec>[],
  options: Partial<RunnerOptions> = {},
): Running {
  const failures: string[] = [];
  const renders: string[] = [];
  const stopping = new AbortController();
  const runner = new Runner({
    templates: templates.map((spec, at) => ({
      ...plainTemplate,
      name: `t${at}`,
      text: '',
      destination: join(folder, `out${at}`),
      ...spec,
    })),
    client: registry,
    clock: realClock,
    machine: { environment: {}, wallMs: () => 0, readFile: () => '' },
    retry: { ...defaultRetry, backoffMs: 1, maxBackoffMs: 5 },
    blockWaitMs: 1000,
    once: false,
    dry: false,
    environment: process.env,
    events: {
      rendered: (_, text) => renders.push(text),
      failed: (what, fault) => failures.push(`${what}: ${fault.message}`),
      commandDone: () => {},
    },
    ...options,
  });
  const done = runner.run(stopping.signal);
  done.catch(() => {});
  const stop = async (): Promise<void> => {
    stopping.abort();
    await done;
  };
  started.push(stop);
  return { done, failures, renders, stop };
}

const out = (at = 0): string => join(folder, `out${at}`);
const text = (at = 0): string => {
  try {
    return readFileSync(out(at), 'utf8');
  } catch {
    return '';
  }
};

test('a file follows its key', async () => {
  const registry = new FakeRegistry();
  registry.set('a', '1');
  const running = start(registry, [{ text: 'a={{key "a"}}' }]);
  await waitUntil(() => text() === 'a=1');
  registry.set('a', '2');
  await waitUntil(() => text() === 'a=2');
  await running.stop();
  assert.deepEqual(readdirSync(folder), ['out0']);
});

test('nothing is written before everything it needs is there', async () => {
  const registry = new FakeRegistry();
  registry.set('a', '1');
  const running = start(registry, [{ text: '{{key "a"}}{{key "b"}}' }, { text: '{{key "a"}}' }]);
  await waitUntil(() => text(1) === '1');
  assert.equal(text(0), '');
  registry.set('b', '2');
  await waitUntil(() => text(0) === '12');
  await running.stop();
});

test('a command runs once for several files, and only when one changed', async () => {
  const registry = new FakeRegistry();
  registry.set('a', '1');
  const command = commandLine([`echo ran >> ${join(folder, 'log')}`]);
  const log = () =>
    readdirSync(folder).includes('log')
      ? readFileSync(join(folder, 'log'), 'utf8').split('\n').length - 1
      : 0;
  const running = start(registry, [
    { text: 'x{{key "a"}}', command },
    { text: 'y{{key "a"}}', command },
    { text: 'z{{key "unrelated"}}', command },
  ]);
  await waitUntil(() => log() === 1);
  registry.set('a', '1');
  registry.set('unrelated', '1');
  await waitUntil(() => text(2) === 'z1' && log() === 2);
  await running.stop();
  assert.equal(log(), 2);
});

test('a command that fails is tried again; the backup keeps what was there', async () => {
  const registry = new FakeRegistry();
  registry.set('a', '1');
  const flag = join(folder, 'flag');
  const running = start(registry, [
    { text: '{{key "a"}}', backup: true, command: commandLine([`test -e ${flag} && touch ${flag}2`]) },
  ]);
  await waitUntil(() => running.failures.length === 1);
  assert.match(running.failures[0] ?? '', /failed with exit code 1/);
  registry.set('a', '2');
  await waitUntil(() => text() === '2');
  assert.equal(readFileSync(`${out()}.bak`, 'utf8'), '1');
  writeFileSync(flag, '');
  await waitUntil(() => readdirSync(folder).includes('flag2'), { timeoutMs: 10_000 });
  await running.stop();
});

test('a command is killed at its timeout, with what it started', async () => {
  const registry = new FakeRegistry();
  registry.set('a', '1');
  const running = start(registry, [
    { text: '{{key "a"}}', command: commandLine(['sleep 60']), commandTimeoutMs: 50 },
  ]);
  await waitUntil(() => running.failures.length > 0);
  assert.match(running.failures[0] ?? '', /took longer than 50 ms/);
  await running.stop();
});

test('mode and content survive; the old file is never half a file', async () => {
  const registry = new FakeRegistry();
  registry.set('a', 'x'.repeat(100_000));
  writeFileSync(out(), 'old', { mode: 0o640 });
  const inode = statSync(out()).ino;
  const running = start(registry, [{ text: '{{key "a"}}' }]);
  await waitUntil(() => text().length === 100_000);
  assert.equal(statSync(out()).mode & 0o777, 0o640);
  assert.notEqual(statSync(out()).ino, inode);
  await running.stop();
});

test('a registry that is away is asked again, and the file stays', async () => {
  const registry = new FakeRegistry();
  registry.set('a', '1');
  const running = start(registry, [{ text: '{{key "a"}}' }]);
  await waitUntil(() => text() === '1');
  registry.down = true;
  registry.set('a', '2');
  await waitUntil(() => running.failures.length > 1);
  assert.equal(text(), '1');
  registry.down = false;
  await waitUntil(() => text() === '2');
  await running.stop();
});

test('once ends when all is written and the commands are done', async () => {
  const registry = new FakeRegistry();
  registry.set('a', '1');
  const running = start(
    registry,
    [{ text: '{{key "a"}}', command: commandLine([`touch ${join(folder, 'ran')}`]) }],
    { once: true },
  );
  await running.done;
  assert.equal(text(), '1');
  assert.ok(readdirSync(folder).includes('ran'));
});

test('once fails when a command fails, or the registry stays away', async () => {
  const registry = new FakeRegistry();
  registry.set('a', '1');
  await assert.rejects(
    start(registry, [{ text: 'x', command: commandLine(['exit 3']) }], { once: true }).done,
    /exit code 3/,
  );
  registry.down = true;
  const retry = { attempts: 3, backoffMs: 1, maxBackoffMs: 1 };
  await assert.rejects(start(registry, [{ text: '{{key "a"}}' }], { once: true, retry }).done, /down/);
});

test('a dry run writes nothing', async () => {
  const registry = new FakeRegistry();
  registry.set('a', '1');
  const running = start(
    registry,
    [{ text: '{{key "a"}}', command: commandLine([`touch ${join(folder, 'ran')}`]) }],
    { once: true, dry: true },
  );
  await running.done;
  assert.deepEqual(running.renders, ['1']);
  assert.deepEqual(readdirSync(folder), []);
});

test('a burst of changes inside the wait makes one rendering', async () => {
  const registry = new FakeRegistry();
  registry.set('a', '0');
  const running = start(registry, [{ text: '{{key "a"}}', wait: { minMs: 150, maxMs: 5000 } }]);
  await waitUntil(() => text() === '0');
  for (let n = 1; n <= 20; n++) registry.set('a', `${n}`);
  await waitUntil(() => text() === '20');
  assert.deepEqual(running.renders, ['0', '20']);
  await running.stop();
});

test('a thousand changes make few renderings, and a reader never sees half a file', async () => {
  const registry = new FakeRegistry();
  const value = (n: number): string => `${n} `.repeat(20_000);
  registry.set('a', '0');
  const running = start(registry, [{ text: '{{$v := key "a"}}{{range loop 20000}}{{$v}} {{end}}' }]);
  await waitUntil(() => text() === value(0));
  let torn = 0;
  for (let n = 1; n <= 1000; n++) {
    registry.set('a', `${n}`);
    await new Promise(setImmediate);
    const seen = text();
    const [first = ''] = seen.split(' ', 1);
    if (seen !== `${first} `.repeat(20_000)) torn++;
  }
  await waitUntil(() => text() === value(1000));
  assert.equal(torn, 0);
  assert.ok(running.renders.length < 500, `${running.renders.length} renderings`);
  await running.stop();
});

test('a file that somebody else wrote meanwhile is put right at the next change', async () => {
  const registry = new FakeRegistry();
  registry.set('a', '1');
  registry.set('b', 'x');
  const running = start(registry, [{ text: '{{key "a"}}{{with key "b"}}{{end}}' }]);
  await waitUntil(() => text() === '1');
  writeFileSync(out(), 'other');
  registry.set('b', 'y');
  await waitUntil(() => text() === '1');
  await running.stop();
});

test('writeToFile writes beside the file, once all is there', async () => {
  const registry = new FakeRegistry();
  const side = join(folder, 'below', 'side');
  const source = `{{ key "a" | writeToFile "${side}" "" "" "0600" "newline" }}{{ key "b" }}`;
  const running = start(registry, [{ text: source }]);
  registry.set('a', '1');
  await waitUntil(() => registry.requests >= 4);
  assert.deepEqual(readdirSync(folder), []);
  registry.set('b', '2');
  await waitUntil(() => text() === '2');
  assert.equal(readFileSync(side, 'utf8'), '1\n');
  assert.equal(statSync(side).mode & 0o777, 0o600);
  await running.stop();
});

test('writeToFile does not follow a link, and is refused by the denylist', async () => {
  const registry = new FakeRegistry();
  symlinkSync('/nowhere', join(folder, 'link'));
  const write = (path: string): string => `{{ writeToFile "${path}" "" "" "0644" "x" }}`;
  await assert.rejects(
    start(registry, [{ text: write(join(folder, 'link')) }], { once: true }).done,
    /symbolic link/,
  );
  const denied = { text: write(join(folder, 'a')), deniedFunctions: ['writeTo*'] };
  await assert.rejects(start(registry, [denied], { once: true }).done, /function is disabled/);
});

test('a sandbox keeps file inside', async () => {
  const registry = new FakeRegistry();
  const machine = {
    environment: {},
    wallMs: () => 0,
    readFile: (path: string) => readFileSync(path, 'utf8'),
  };
  writeFileSync(join(folder, 'in'), 'inside');
  symlinkSync('/etc/passwd', join(folder, 'link'));
  const read = (path: string) =>
    start(registry, [{ text: `{{ file "${path}" }}`, sandboxPath: folder }], { once: true, machine }).done;
  await read(join(folder, 'in'));
  assert.equal(text(), 'inside');
  await assert.rejects(read(join(folder, 'link')), /outside of sandbox/);
  await assert.rejects(read(join(folder, '..', '..', 'etc', 'passwd')), /outside of sandbox/);
});

test('a fatal error ends the run, and so does a key that is not there where that is asked for', async () => {
  const registry = new FakeRegistry();
  registry.set('a', 'x');
  await assert.rejects(
    start(registry, [{ text: '{{ key "a" | parseInt }}', errorFatal: true }]).done,
    /parseInt/,
  );
  await assert.rejects(
    start(registry, [{ text: '{{ key "no" }}' }], { failsOnNothing: true }).done,
    /kv\.block\(no\): there is nothing/,
  );
});

test('a query that is no longer used is no longer asked', async () => {
  const registry = new FakeRegistry();
  registry.set('which', 'a');
  registry.set('a', '1');
  const running = start(registry, [{ text: '{{if eq (key "which") "a"}}{{key "a"}}{{else}}none{{end}}' }]);
  await waitUntil(() => text() === '1');
  registry.set('which', 'b');
  await waitUntil(() => text() === 'none');
  const before = registry.requests;
  registry.set('a', '2');
  registry.set('which', 'a');
  await waitUntil(() => text() === '2');
  assert.ok(registry.requests > before);
  await running.stop();
});

test('a template that fails keeps the last good file', async () => {
  const registry = new FakeRegistry();
  registry.set('a', '1');
  const running = start(registry, [{ text: '{{key "a" | parseInt}}' }]);
  await waitUntil(() => text() === '1');
  registry.set('a', 'x');
  await waitUntil(() => running.failures.length === 1);
  assert.equal(text(), '1');
  await running.stop();
});
