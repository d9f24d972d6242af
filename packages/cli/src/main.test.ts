import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { startTestServer } from '@portolan/server/frontends/consul/test-server.fixture.ts';
import { requireProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { runCli } from './run-cli.fixture.ts';

const launcher = join(import.meta.dirname, '..', 'bin', 'portolan.mjs');
const inShell = promisify(execFile);

/** A shell in which `portolan` is this one. */
function shell(program: string, script: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const function_ = `portolan() { '${process.execPath}' '${launcher}' "$@"; }\n`;
  return inShell(program, ['-c', (program.endsWith('fish') ? '' : function_) + script], {
    env: { PATH: process.env.PATH ?? '', NODE_COMPILE_CACHE: '', ...env },
  }).then(({ stdout }) => stdout);
}

test('the launcher runs the program, and a closed pipe is no error', async () => {
  const bash = '/bin/sh';
  assert.match(await shell(bash, 'portolan --version'), /^\d+\.\d+\.\d+\n$/);
  // A screen's worth of text into a reader that closes at once.
  assert.equal(await shell(bash, 'portolan server --help 2>&1 | true; echo $?'), '0\n');
  assert.equal(await shell(bash, 'portolan nonsense 2>/dev/null; echo $?'), '2\n');
});

test('help leads with examples, for every command', async () => {
  const { code, out } = await runCli(['--help']);
  assert.equal(code, 0);
  assert.match(out, /^Examples:\n {2}portolan server/);
  const commands = [
    'server',
    'config',
    'services',
    'resolve',
    'register',
    'deregister',
    'status',
    'kv',
    'completion',
    ...['apply', 'diff', 'get', 'delete', 'history', 'rollback', 'explain'],
  ];
  for (const command of commands) {
    assert.ok(out.includes(`\n  ${command} `), command);
    const help = await runCli([command, '--help']);
    assert.equal(help.code, 0);
    assert.match(help.out, /^Examples:\n {2}/, command);
    assert.match(help.out, /\nUsage: portolan /, command);
  }
  assert.equal((await runCli([])).out, out);
  assert.equal((await runCli(['--version'])).out, '1.2.3\n');
});

test('config validate and show read file, variables and flags, and say where each value is from', async (t) => {
  const directory = tempDir('cli');
  t.after(() => directory.remove());
  const file = join(directory.path, 'portolan.yaml');
  writeFileSync(file, 'node: alpha\nlog:\n  level: warn\n');
  const valid = await runCli(['config', 'validate', '--config', file]);
  assert.deepEqual([valid.code, valid.err], [0, 'The settings are valid.\n']);
  const shown = await runCli(['config', 'show', '--config', file, '--datacenter', 'dc9', '-o', 'json'], {
    env: { PORTOLAN_LOG_LEVEL: 'debug' },
  });
  const settings = new Map((shown.json as { setting: string }[]).map((one) => [one.setting, one]));
  assert.deepEqual(settings.get('node'), {
    setting: 'node',
    value: 'alpha',
    origin: `${file}:1:1`,
    variable: 'PORTOLAN_NODE',
  });
  assert.partialDeepStrictEqual(settings.get('log.level'), { value: 'debug', origin: 'PORTOLAN_LOG_LEVEL' });
  assert.partialDeepStrictEqual(settings.get('datacenter'), { value: 'dc9', origin: '--datacenter' });
  assert.partialDeepStrictEqual(settings.get('store'), { value: 'lmdb', origin: 'default' });
  writeFileSync(file, 'node: alpha\nnoed: beta\n');
  const invalid = await runCli(['config', 'validate', '--config', file]);
  assert.equal(invalid.code, 2);
  assert.match(invalid.err, /portolan\.yaml:2:1: .*did you mean node\?/);
});

test('completion in bash knows commands, options, choices and the names of services', async (t) => {
  const bash = requireProgram(t, 'bash');
  if (bash === undefined) return;
  await using server = await startTestServer();
  await server.put('/v1/agent/service/register', { Name: 'reviews' });
  await server.put('/v1/agent/service/register', { Name: 'ratings' });
  const complete = async (...words: readonly string[]): Promise<string[]> => {
    const quoted = ['portolan', ...words].map((word) => `'${word}'`).join(' ');
    const script = `source <(portolan completion bash)
      COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _portolan_complete; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return (await shell(bash, script, { PORTOLAN_SERVER: server.url })).trim().split('\n');
  };
  assert.deepEqual(await complete('se'), ['server', 'services']);
  assert.deepEqual(await complete('kv', ''), ['get', 'put', 'delete', 'list', 'help']);
  assert.deepEqual(await complete('resolve', 'r'), ['ratings', 'reviews']);
  assert.deepEqual(await complete('services', '--out'), ['--output']);
  assert.deepEqual(await complete('services', '-o', 'j'), ['json']);
  assert.deepEqual(await complete('completion', ''), ['bash', 'zsh', 'fish']);
  assert.deepEqual(await complete('deregister', '--name', 'rat'), ['ratings']);
});
