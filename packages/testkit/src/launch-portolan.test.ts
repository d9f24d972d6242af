import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launchPortolan } from './launch-portolan.ts';
import { tempDir } from './temp-dir.ts';

test('a launched server answers on its listeners, and starts again on the same ports', async (t) => {
  const directory = tempDir('launch-portolan');
  t.after(directory.remove);
  const first = await launchPortolan({ test: t, dataDir: directory.path });
  const self = await fetch(`${first.url}/v1/agent/self`);
  assert.equal(self.status, 200);
  assert.ok(first.port('dns') > 0);
  assert.deepEqual((await first.stop()).signal ?? 'drained', 'drained');
  const second = await launchPortolan({ test: t, dataDir: directory.path, listen: first.samePorts });
  assert.equal(second.url, first.url);
  assert.throws(() => second.port('eureka'), /no listener "eureka"/);
});
