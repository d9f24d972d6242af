import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { type FakeRegistry, fakeRegistry } from '../fake-registry.fixture.ts';
import { openRegistry } from '../registry/open-registry.ts';
import { systemClock } from '../system-clock.ts';
import { openDirectory } from './directory.ts';

function directoryAt(registry: FakeRegistry, maxWatches: number) {
  const opened = openRegistry({ server: registry.url });
  const directory = openDirectory(
    { registry: opened.registry, clock: systemClock, random: () => 0, onProblem: () => {} },
    maxWatches,
  );
  return {
    directory,
    async close() {
      await directory.close();
      await opened.close();
    },
  };
}

test('past the limit the service that was not asked for longest is watched no more', async (t) => {
  const registry = await fakeRegistry();
  const { directory, close } = directoryAt(registry, 2);
  t.after(async () => {
    await close();
    await registry.stop();
  });
  const signal = AbortSignal.timeout(5_000);
  for (const service of ['a', 'b', 'a', 'c']) assert.deepEqual(await directory.resolve(service, signal), []);
  await waitUntil(() => registry.blocked === 2);
  const asked = registry.requests.length;
  await directory.resolve('a', signal);
  assert.equal(registry.requests.length, asked, 'a is still watched');
  await directory.resolve('b', signal);
  assert.ok(registry.requests.length > asked, 'b was forgotten and is asked for again');
});

test('closing leaves no read behind', async (t) => {
  const registry = await fakeRegistry();
  t.after(() => registry.stop());
  const { directory, close } = directoryAt(registry, 8);
  await directory.resolve('a', AbortSignal.timeout(5_000));
  await waitUntil(() => registry.blocked === 1);
  await close();
  await waitUntil(() => registry.blocked === 0);
});
