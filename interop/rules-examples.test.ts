import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { echoUpstream } from '@portolan/server/proxy/testdata/policy-rig.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { type Stage, startStage } from './manifests-rig.ts';

// The manifests of the documentation, and what it says they come to.

function blocksOf(file: string, language: string): readonly string[] {
  const text = readFileSync(new URL(`../docs/${file}`, import.meta.url), 'utf8');
  return Array.from(
    text.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'gm')),
    ([, body = '']) => body,
  );
}

async function applyAll(t: TestContext, stage: Stage, manifests: readonly string[]): Promise<void> {
  const directory = tempDir('examples');
  t.after(() => directory.remove());
  const file = join(directory.path, 'examples.yaml');
  writeFileSync(file, manifests.join('---\n'));
  const printed = await stage.cli('apply', '-f', file);
  assert.doesNotMatch(printed, /error|warning|refused/);
}

test('the examples of the documentation come to what it says, in routes and in answers', async (t) => {
  const stage = await startStage(t, 'istio-bookinfo');
  for (const name of ['shop', 'cart', 'reviews-v1', 'reviews-v2', 'web']) {
    const { port } = await echoUpstream(t, name, ({ url }) => ({ body: `${name} ${url}` }));
    await stage.register({ name, port, tags: [] });
  }
  for (const version of ['v1', 'v2']) {
    const { port } = await echoUpstream(t, `ratings ${version}`);
    await stage.register({ name: 'ratings', version, port });
  }
  await applyAll(t, stage, blocksOf('rules.md', 'yaml'));
  assert.equal(await stage.cli('get', 'routes'), blocksOf('rules.md', 'text').at(-1));

  await applyAll(t, stage, blocksOf('guides/from-ingress-nginx.md', 'yaml'));
  await stage.apply();
  const body = async (host: string, path: string, headers = {}): Promise<string> =>
    (await stage.ask(host, { path, headers })).body;
  assert.equal(await body('shop.example.com', '/cart/1'), 'cart /cart/1');
  assert.equal(await body('shop.example.com', '/carts'), 'shop /carts');
  assert.equal(await body('reviews.example.com', '/', { 'x-preview': 'yes' }), 'reviews-v2 /');
  assert.equal(await body('ratings.localhost', '/', { 'end-user': 'jason' }), 'ratings v2');
  assert.equal(await body('ratings.localhost', '/'), 'ratings v1');
  assert.equal(await body('web.example.com', '/app/x'), 'web /x');
});
