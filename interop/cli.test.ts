import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { launchProgram } from '@portolan/testkit/launch-program.ts';
import { requireProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { portolanBin, startPortolan } from './portolan-process.ts';

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `portolan ARGS` as its own process, as a user starts it. */
function portolan(server: string, ...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const env = { ...process.env, PORTOLAN_SERVER: server };
    execFile(process.execPath, [portolanBin, ...args], { env, timeout: 30_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });
}

async function answer(server: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await portolan(server, ...args);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' }, args.join(' '));
  return stdout;
}

function dataDir(t: TestContext): string {
  const directory = tempDir('cli');
  t.after(() => directory.remove());
  return directory.path;
}

test('what the command line wrote is there after the server was killed and started again', async (t) => {
  const path = dataDir(t);
  const first = await startPortolan(t, { dataDir: path });
  assert.equal(
    await answer(first.http, 'register', 'web', '--port', '8000', '--meta', 'version=v1'),
    'web-8000\n',
  );
  await answer(first.http, 'kv', 'put', 'app/color', 'blue');
  first.program.kill('SIGKILL');
  await first.program.exited;
  const second = await startPortolan(t, { dataDir: path });
  assert.match(await answer(second.http, 'services', 'web', '-o', 'wide'), /^web-8000 .*version=v1/m);
  assert.equal(await answer(second.http, 'kv', 'get', 'app/color'), 'blue');
  await answer(second.http, 'deregister', '--name', 'web');
  assert.equal((await portolan(second.http, 'resolve', 'web')).code, 3);
});

test('register --keep renews its TTL check, comes back when the registry forgot it, and deregisters on Ctrl-C', async (t) => {
  const { http } = await startPortolan(t, { dataDir: dataDir(t) });
  const keeper = await launchProgram({
    command: process.execPath,
    args: [portolanBin, 'register', 'job', '--check-ttl', '1s', '--keep', '--server', http],
    ready: /Ctrl-C deregisters it/,
    test: t,
  });
  const passing = async (): Promise<boolean> => (await portolan(http, 'resolve', 'job')).code === 0;
  assert.ok(await passing());
  await answer(http, 'deregister', 'job');
  await waitUntil(passing, { what: 'the registration to come back' });
  keeper.kill('SIGINT');
  assert.equal((await keeper.exited).code, 0);
  assert.equal((await portolan(http, 'services', 'job')).code, 3);
});

test('status tells the listeners and the version', async (t) => {
  const { http, ports } = await startPortolan(t, { dataDir: dataDir(t) });
  const status = JSON.parse(await answer(http, 'status', '-o', 'json'));
  const { stdout: version } = await portolan(http, '--version');
  assert.equal(`${status.version}\n`, version);
  const told = new Map(
    status.listeners.map(({ name, port }: { name: string; port: number }) => [name, port]),
  );
  for (const [name, port] of Object.entries(ports)) assert.equal(told.get(name), port, name);
});

test('completion works in zsh and fish, where they are installed', async (t) => {
  const { http } = await startPortolan(t, { dataDir: dataDir(t) });
  await answer(http, 'register', 'reviews', '--port', '1');
  await t.test('fish', async (fishTest) => {
    const fish = requireProgram(fishTest, 'fish');
    if (fish === undefined) return;
    const script = `function portolan; '${process.execPath}' '${portolanBin}' $argv; end
      portolan completion fish | source
      complete -C 'portolan se'; complete -C 'portolan resolve r'; complete -C 'portolan services -o j'`;
    assert.equal(await shell(fish, script, http), 'server\nservices\nreviews\njson\n');
  });
  await t.test('zsh', async (zshTest) => {
    const zsh = requireProgram(zshTest, 'zsh');
    if (zsh === undefined) return;
    // compadd and compdef belong to zsh's completion system, which wants a terminal: these two say what they were given.
    const script = `portolan() { '${process.execPath}' '${portolanBin}' "$@"; }
      compdef() { :; }; compadd() { shift; print -l -- "\${(@P)1}"; }
      source <(portolan completion zsh)
      words=(portolan resolve r); CURRENT=3; _portolan
      words=(portolan se); CURRENT=2; _portolan`;
    assert.equal(await shell(zsh, script, http), 'reviews\nserver\nservices\n');
  });
});

function shell(program: string, script: string, server: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PORTOLAN_SERVER: server };
    execFile(program, ['-c', script], { env }, (error, stdout) => (error ? reject(error) : resolve(stdout)));
  });
}
