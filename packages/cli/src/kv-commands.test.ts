import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startTestServer, type TestServer } from '@portolan/server/frontends/consul/test-server.fixture.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { type CliOptions, runCli } from './run-cli.fixture.ts';

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

const kv = (argv: readonly string[], options: CliOptions = {}) =>
  runCli(['kv', ...argv], { ...options, env: { PORTOLAN_SERVER: server.url } });

test('a value comes back byte for byte', async (t) => {
  assert.equal((await kv(['put', 'app/color', 'blue'])).code, 0);
  assert.equal((await kv(['get', 'app/color'])).out, 'blue');
  assert.equal((await kv(['get', 'app/color'], { terminal: true })).out, 'blue\n');
  await kv(['put', 'app/date', '-'], { stdin: 'from a pipe\n' });
  assert.equal((await kv(['get', 'app/date'])).out, 'from a pipe\n');
  const directory = tempDir('cli');
  t.after(() => directory.remove());
  const file = join(directory.path, 'value');
  writeFileSync(file, Buffer.from([0xff, 0x00, 0xfe]));
  await kv(['put', 'app/bytes', `@${file}`]);
  const { json } = await kv(['get', 'app/bytes', '-o', 'json']);
  assert.equal((json as { value: string }).value, '/wD+');
  assert.equal((json as { encoding: string }).encoding, 'base64');
  await kv(['put', 'empty', '']);
  assert.equal((await kv(['get', 'empty'])).code, 0);
});

test('keys with blanks, percent signs and non-ASCII letters are keys', async () => {
  for (const key of ['a b/c', '100%', 'schlüssel/ключ', 'what?#x', '__proto__']) {
    assert.equal((await kv(['put', key, key])).code, 0);
    assert.equal((await kv(['get', key])).out, key);
  }
});

test('a guard that does not hold is exit code 5', async () => {
  assert.equal((await kv(['put', 'guarded', 'a', '--cas', '0'])).code, 0);
  assert.equal((await kv(['put', 'guarded', 'b', '--cas', '0'])).code, 5);
  const { json } = await kv(['get', 'guarded', '-o', 'json']);
  const index = String((json as { modifyIndex: number }).modifyIndex);
  assert.equal((await kv(['put', 'guarded', 'c', '--cas', index])).code, 0);
  const stale = await kv(['delete', 'guarded', '--cas', index]);
  assert.equal(stale.code, 5);
  assert.match(stale.err, /somebody changed it; read it again/);
  assert.equal((await kv(['get', 'guarded'])).out, 'c');
});

test('list shows what is below a prefix, delete --recurse takes it away', async () => {
  for (const key of ['list/a', 'list/b', 'other']) await kv(['put', key, 'xyz', '--flags', '7']);
  assert.equal((await kv(['list', 'list/', '-o', 'name'])).out, 'list/a\nlist/b\n');
  assert.match((await kv(['list', 'list/', '-o', 'wide'])).out, /list\/a +3 +\d+ +7 +xyz/);
  assert.equal((await kv(['delete', 'list/', '--recurse'])).code, 0);
  const empty = await kv(['list', 'list/', '-o', 'json']);
  assert.deepEqual([empty.code, empty.json], [0, []]);
  assert.equal((await kv(['get', 'other'])).code, 0);
});

test('bad input is refused before anything is asked', async () => {
  for (const [argv, code, pattern] of [
    [['get', 'nothing'], 3, /there is no key 'nothing'/],
    [['delete', '', '--recurse'], 2, /deletes every key; add --yes/],
    [['put', 'x', 'y', '--cas', '-1'], 2, /--cas: '-1' is not an index/],
    [['put', 'x', 'y', '--flags', '18446744073709551616'], 2, /--flags: .* 0 to 2\^64-1/],
    [['put', 'x', '@/nonexistent'], 2, /cannot read the file/],
    [['delete', 'x', '--recurse', '--cas', '1'], 2, /--cas: guards one key/],
    [['get', 'a/../b'], 2, /a URL cannot carry it/],
  ] as const) {
    const result = await kv(argv);
    assert.equal(result.code, code, argv.join(' '));
    assert.match(result.err, pattern);
  }
});

test('deleting what is not there says so', async () => {
  const one = await kv(['delete', 'nosuch']);
  assert.equal(one.code, 3);
  assert.match(one.err, /there is no key 'nosuch'/);
  const many = await kv(['delete', 'nosuch/', '--recurse']);
  assert.match(many.err, /No key begins with 'nosuch\/'/);
});
