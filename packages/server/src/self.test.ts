import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Fault } from '@portolan/core/base/fault.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { resolveSettings } from './config/resolve.ts';
import { identityOf, prepareDataDir } from './self.ts';

function settingsIn(t: TestContext) {
  const directory = tempDir('self');
  t.after(() => directory.remove());
  const dataDir = join(directory.path, 'deep', 'data');
  return resolveSettings({
    flags: { 'data-dir': dataDir, node: 'n1' },
    env: {},
    file: undefined,
    machine: { hostName: 'h', cores: 1 },
  });
}

test('the data directory is its owner’s alone, and keeps who the server is', (t) => {
  const settings = settingsIn(t);
  prepareDataDir(settings.dataDir);
  assert.equal(statSync(settings.dataDir).mode & 0o777, 0o700);
  const first = identityOf(settings);
  assert.match(first.nodeId, /^[0-9a-f-]{36}$/);
  assert.equal(identityOf(settings).nodeId, first.nodeId);
  assert.equal(first.node, 'n1');
});

test('an id that is damaged is made anew, a directory that cannot be used is told', (t) => {
  const settings = settingsIn(t);
  prepareDataDir(settings.dataDir);
  writeFileSync(join(settings.dataDir, 'node-id'), 'rubbish');
  assert.match(identityOf(settings).nodeId, /^[0-9a-f-]{36}$/);

  const file = join(settings.dataDir, 'a-file');
  writeFileSync(file, '');
  assert.throws(
    () => prepareDataDir(join(file, 'sub')),
    (thrown) => thrown instanceof Fault && thrown.code === 'invalid' && thrown.message.includes('--data-dir'),
  );
  mkdirSync(join(settings.dataDir, 'node-id.new'), { recursive: true });
});
