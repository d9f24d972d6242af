import assert from 'node:assert/strict';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { makeDirectories } from './make-directories.ts';

test('a directory is made with those above it, and may be there already', (t) => {
  const root = tempDir('make');
  t.after(() => root.remove());
  const path = join(root.path, 'a', 'b', 'c');
  makeDirectories(path, 0o700);
  makeDirectories(path, 0o700);
  assert.equal(statSync(path).mode & 0o777, 0o700);
});

test('a file in the way is said', (t) => {
  const root = tempDir('make');
  t.after(() => root.remove());
  writeFileSync(join(root.path, 'file'), '');
  assert.throws(() => makeDirectories(join(root.path, 'file'), 0o700), /EEXIST/);
  assert.throws(() => makeDirectories(join(root.path, 'file', 'below'), 0o700), /ENOTDIR/);
});

test('a parent that takes no directories is an error, not an endless loop', (t) => {
  if (!existsSync('/proc/self')) {
    t.skip('there is no /proc');
    return;
  }
  assert.throws(() => makeDirectories('/proc/portolan', 0o700), /ENOENT/);
  assert.throws(() => makeDirectories('/proc/portolan/below', 0o700), /ENOENT/);
});
