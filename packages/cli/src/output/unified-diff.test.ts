import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { requireProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import fc from 'fast-check';
import { unifiedDiff } from './unified-diff.ts';

const names = { before: 'a', after: 'b' };

test('what is equal has no difference', () => {
  assert.deepEqual(unifiedDiff('a\nb\n', 'a\nb\n', names), []);
  assert.deepEqual(unifiedDiff('', '', names), []);
});

test('a change stands between three lines of context, and what is far apart in hunks of its own', () => {
  const lines = Array.from({ length: 20 }, (_, index) => `${index}`);
  const changed = lines.with(2, 'two').with(15, 'fifteen');
  assert.deepEqual(unifiedDiff(lines.join('\n'), changed.join('\n'), names), [
    '--- a',
    '+++ b',
    ...['@@ -1,6 +1,6 @@', ' 0', ' 1', '-2', '+two', ' 3', ' 4', ' 5'],
    ...['@@ -13,7 +13,7 @@', ' 12', ' 13', ' 14', '-15', '+fifteen', ' 16', ' 17', ' 18'],
  ]);
});

test('from nothing and to nothing', () => {
  assert.deepEqual(unifiedDiff('', 'x\n', names).slice(2), ['@@ -0,0 +1 @@', '+x']);
  assert.deepEqual(unifiedDiff('x\ny\n', '', names).slice(2), ['@@ -1,2 +0,0 @@', '-x', '-y']);
});

test('patch makes the one text of the other, whatever they are', (t) => {
  const patch = requireProgram(t, 'patch');
  if (patch === undefined) return;
  const directory = tempDir('diff');
  t.after(() => directory.remove());
  const file = join(directory.path, 'file');
  const text = fc
    .array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 30 })
    .map((lines) => lines.map((line) => `${line}\n`).join(''));
  fc.assert(
    fc.property(text, text, (before, after) => {
      const diff = unifiedDiff(before, after, names);
      if (diff.length === 0) return assert.equal(before, after);
      writeFileSync(file, before);
      execFileSync(patch, ['-s', file], { input: `${diff.join('\n')}\n` });
      assert.equal(readFileSync(file, 'utf8'), after);
    }),
    { numRuns: 60 },
  );
});
