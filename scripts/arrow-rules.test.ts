import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrowProblem, importsOf, packageProblem } from './arrow-rules.ts';

const forbidden: readonly (readonly [file: string, target: string])[] = [
  ['packages/core/src/catalog/catalog.ts', 'node:fs'],
  ['packages/core/src/catalog/catalog.ts', 'yaml'],
  ['packages/core/src/catalog/catalog.ts', '@portolan/server/engine.ts'],
  ['packages/client/src/client.ts', '@portolan/server/contract.ts'],
  ['packages/server/src/frontends/consul/frontend.ts', 'packages/server/src/outlets/dns/codec.ts'],
  ['packages/server/src/frontends/consul/frontend.ts', 'packages/server/src/frontends/eureka/translate.ts'],
  ['packages/server/src/outlets/nginx/outlet.ts', 'packages/server/src/sources/docker/source.ts'],
  ['packages/server/src/outlets/dns/outlet.ts', 'packages/server/src/engine.ts'],
  ['packages/server/src/proxy/worker.ts', 'packages/server/src/engine/leases.ts'],
  ['packages/server/src/engine.ts', 'packages/server/src/server.ts'],
  ['packages/server/src/engine/queue.ts', 'packages/server/src/store/store-lmdb.ts'],
  ['packages/server/src/config/settings.ts', 'packages/server/src/outlets/dns/outlet.ts'],
  ['packages/server/src/engine.ts', 'packages/server/src/engine.test.ts'],
];

const allowed: readonly (readonly [file: string, target: string])[] = [
  ['packages/server/src/server.ts', 'packages/server/src/outlets/dns/outlet.ts'],
  ['packages/server/src/engine.ts', 'packages/server/src/engine/leases.ts'],
  ['packages/server/src/outlets/dns/outlet.ts', 'packages/server/src/contract.ts'],
  ['packages/server/src/frontends/consul/frontend.ts', 'packages/server/src/http/body.ts'],
  ['packages/server/src/config/settings.ts', 'packages/server/src/outlets/dns/config.ts'],
  ['packages/server/src/outlets/dns/outlet.ts', '@portolan/core/catalog/reader.ts'],
  ['packages/server/src/outlets/dns/outlet.test.ts', 'packages/server/src/engine.ts'],
  ['packages/core/src/catalog/catalog.test.ts', 'node:test'],
  ['packages/cli/src/commands/server.ts', '@portolan/server/server.ts'],
  ['interop/dns.test.ts', 'packages/server/src/outlets/dns/codec.ts'],
];

for (const [file, target] of forbidden) {
  test(`${file} may not import ${target}`, () => assert.notEqual(arrowProblem(file, target), undefined));
}

for (const [file, target] of allowed) {
  test(`${file} may import ${target}`, () => assert.equal(arrowProblem(file, target), undefined));
}

test('every form of import is seen', () => {
  const source = [
    "import a from 'a';",
    "import type { B } from 'b';",
    'import {',
    '  c,',
    "} from './c.ts';",
    "export { d } from 'd';",
    "import 'e';",
    // In two pieces, so that the checker does not take this very line for an import.
    `const f = await import${"('f');"}`,
  ].join('\n');
  assert.deepEqual(importsOf(source).sort(), ['./c.ts', 'a', 'b', 'd', 'e', 'f']);
});

test('a package must be in the dependencies of the package.json beside it', () => {
  const packages = {
    manifest: () => ({ name: '@portolan/server', dependencies: { yaml: '1' }, devDependencies: { ws: '1' } }),
  };
  assert.equal(packageProblem('packages/server/src/a.ts', 'yaml', packages), undefined);
  assert.equal(packageProblem('packages/server/src/a.test.ts', 'ws', packages), undefined);
  assert.match(
    packageProblem('packages/server/src/a.ts', 'ws', packages) ?? '',
    /ws is not in the dependencies/,
  );
  assert.match(packageProblem('packages/server/src/a.ts', '@scope/x/y.js', packages) ?? '', /@scope\/x/);
});
