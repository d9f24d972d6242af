import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fakeRegistry } from '@portolan/client/fake-registry.fixture.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { catalogue } from './catalogue.ts';
import { type RunningService, runService } from './run-service.ts';

/** The named services at a registry whose checks are done by hand. */
async function start(t: TestContext, ...names: readonly string[]) {
  const registry = await fakeRegistry();
  const running = new Map<string, RunningService>();
  for (const name of names) {
    const definition = catalogue.get(name);
    assert.ok(definition, name);
    running.set(name, await runService(definition, { server: registry.url }));
  }
  registry.change(() => {
    for (const instance of registry.instances.values()) instance.status = 'passing';
  });
  const stop = async (name: string): Promise<void> => {
    const service = running.get(name);
    running.delete(name);
    await service?.stop();
  };
  t.after(async () => {
    for (const name of [...running.keys()]) await stop(name);
    await registry.stop();
  });
  const get = (name: string, path: string, init?: RequestInit) =>
    fetch(`http://127.0.0.1:${running.get(name)?.port}${path}`, init);
  return { registry, get, stop };
}

test('the page is put together from services that are found by name', async (t) => {
  const { get } = await start(t, 'productpage', 'details', 'reviews-v3', 'ratings');
  const response = await get('productpage', '/');
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  const page = await response.text();
  assert.match(page, /William Shakespeare/);
  assert.match(page, /answered by reviews <b>v3<\/b>/);
  assert.match(page, /class="red" title="5 of 5"/);
  const products = (await (await get('productpage', '/api/v1/products')).json()) as { title: string }[];
  assert.equal(products[0]?.title, 'The Comedy of Errors');
  for (const path of ['/api/v1/products/0', '/api/v1/products/0/reviews', '/api/v1/products/0/ratings']) {
    assert.equal((await get('productpage', path)).status, 200, path);
  }
});

test('the three versions of the reviews differ in their stars', async (t) => {
  const { get } = await start(t, 'reviews-v1', 'reviews-v2', 'reviews-v3', 'ratings');
  const colors: unknown[] = [];
  for (const version of ['v1', 'v2', 'v3']) {
    const body = (await (await get(`reviews-${version}`, '/reviews/0')).json()) as {
      version: string;
      reviews: { rating?: { stars: number; color: string } }[];
    };
    assert.equal(body.version, version);
    colors.push(body.reviews[0]?.rating?.color);
  }
  assert.deepEqual(colors, [undefined, 'black', 'red']);
});

test('a neighbour that is gone costs its part of the page, never the page', async (t) => {
  const { get, stop, registry } = await start(t, 'productpage', 'details', 'reviews-v2', 'ratings');
  await stop('ratings');
  assert.ok(!registry.instances.has('ratings-v1'), 'it took itself out of the registry');
  await waitUntil(async () =>
    /ratings service is not available/.test(await (await get('productpage', '/')).text()),
  );
  await stop('details');
  await waitUntil(async () => /Details are not available/.test(await (await get('productpage', '/')).text()));
  assert.equal((await get('productpage', '/')).status, 200);
  assert.equal((await get('productpage', '/api/v1/products/0')).status, 503);
});

test('it registers with its version, the tag http and a check, and answers what it should not with an error', async (t) => {
  const { registry, get } = await start(t, 'details');
  const instance = registry.instances.get('details-v1');
  assert.deepEqual(instance?.tags, ['http']);
  assert.deepEqual(instance?.meta, { version: 'v1' });
  assert.equal((await get('details', '/health')).status, 200);
  assert.equal((await get('details', '/details/1')).status, 404);
  assert.equal((await get('details', '/details/0', { method: 'POST', body: 'x' })).status, 405);
  assert.equal((await get('details', '/details/0', { method: 'HEAD' })).status, 200);
});
