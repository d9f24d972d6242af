import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { limits } from './config.ts';
import { readManifestFile, scanDirectory } from './scan.ts';

function directory(t: TestContext): string {
  const made = tempDir('scan');
  t.after(() => made.remove());
  return made.path;
}

test('more files than are read are told once, of the whole directory', async (t) => {
  const path = directory(t);
  for (let index = 0; index < limits.maxFiles + 5; index++) writeFileSync(join(path, `${index}.yaml`), '');
  const { files, unreadable } = await scanDirectory(path);
  assert.equal(files.length, limits.maxFiles);
  assert.deepEqual([...unreadable.keys()], [path]);
});

test('directories that are nested too deep are told, and the rest is found', async (t) => {
  const path = directory(t);
  let deepest = path;
  for (let depth = 0; depth <= limits.maxDepth; depth++) deepest = join(deepest, 'd');
  mkdirSync(deepest, { recursive: true });
  writeFileSync(join(deepest, 'lost.yaml'), '');
  writeFileSync(join(path, 'found.yaml'), '');
  const { files, unreadable } = await scanDirectory(path);
  assert.deepEqual(
    files.map((file) => file.path),
    [join(path, 'found.yaml')],
  );
  assert.deepEqual([...unreadable.keys()], [deepest]);
});

test('what is no directory, and what is no text, is said to be none', async (t) => {
  const path = directory(t);
  const file = join(path, 'a.yaml');
  writeFileSync(file, Buffer.from([0xc3, 0x28]));
  await assert.rejects(scanDirectory(join(path, 'nowhere')), {
    code: 'unavailable',
    message: /it is not there/,
  });
  await assert.rejects(scanDirectory(file), { code: 'unavailable', message: /it is no directory/ });
  await assert.rejects(readManifestFile(file), { code: 'invalid', message: /not UTF-8/ });
  writeFileSync(file, 'x'.repeat(4 * 1024 * 1024 + 1));
  await assert.rejects(readManifestFile(file), { code: 'too-large' });
});
