import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { ruleKinds } from '@portolan/core/rules/rule-kinds.ts';
import fc from 'fast-check';
import { kindSchemas } from './kind-schemas.ts';
import { readLimits } from './limits.ts';
import { problemText } from './problem.ts';
import { type ReadResource, readResources } from './read.ts';

const testdata = new URL('./testdata/', import.meta.url);
const nowMs = Date.UTC(2026, 10, 21);

function read(text: string, file?: string): readonly ReadResource[] {
  return [...readResources(text, { nowMs, ...(file === undefined ? {} : { file }) })];
}

function problems(text: string): readonly string[] {
  return read(text).flatMap((one) => one.problems.map(problemText));
}

/** As it is kept: keys of their own only, whatever they are called. */
function described({ outcome, key, problems: found, ...rest }: ReadResource): string {
  const name = key === undefined ? '' : ` ${key.apiVersion} ${key.kind} ${key.namespace}/${key.name}`;
  const manifest = 'manifest' in rest ? [JSON.stringify(rest.manifest, undefined, 1)] : [];
  return [`${outcome}${name}`, ...found.map((one) => `  ${problemText(one)}`), ...manifest].join('\n');
}

for (const folder of ['valid', 'invalid'] as const) {
  for (const name of readdirSync(new URL(folder, testdata)).filter((one) => one.endsWith('.yaml'))) {
    test(`${folder}/${name} is read as it should be (UPDATE_GOLDEN=1 writes it)`, () => {
      const resources = read(readFileSync(new URL(`${folder}/${name}`, testdata), 'utf8'), name);
      const found = `${resources.map(described).join('\n\n')}\n`;
      const golden = new URL(`${folder}/${name.replace('.yaml', '.golden')}`, testdata);
      if (process.env.UPDATE_GOLDEN === '1') writeFileSync(golden, found);
      assert.equal(found, readFileSync(golden, 'utf8'));
      const outcomes = new Set(resources.map(({ outcome }) => outcome));
      if (folder === 'valid') assert.deepEqual([...outcomes], ['read']);
      else assert.ok(!outcomes.has('read'));
    });
  }
}

test('every kind that is announced has a schema', () => {
  const schemas = kindSchemas(nowMs);
  for (const { apiVersion, kind } of ruleKinds) assert.ok(schemas.has(`${apiVersion} ${kind}`), kind);
  assert.equal(schemas.size, ruleKinds.length);
});

const service = 'apiVersion: v1\nkind: Service\nmetadata: {name: NAME}\nspec: {ports: [{port: 80}]}\n';

test('a document that is wrong keeps none of the others from being read', () => {
  const text = [service.replace('NAME', 'a'), 'a: [\n', service.replace('NAME', 'b'), '"\n'].join('---\n');
  assert.deepEqual(
    read(text).map(({ outcome, line }) => [outcome, line]),
    [
      ['read', 1],
      ['refused', 7],
      ['read', 8],
      ['refused', 14],
    ],
  );
});

test('lists, typed lists, arrays and JSON are taken apart, with paths into them', () => {
  const item = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec: { ports: [{ port: 0 }] } };
  const { apiVersion, kind, ...bare } = item;
  const texts = [
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [item] }),
    JSON.stringify({ apiVersion, kind: `${kind}List`, items: [bare] }, undefined, 2),
    JSON.stringify([item]),
    JSON.stringify(item),
  ];
  const paths = texts.map((text) => read(text).flatMap((one) => one.problems.map(({ path }) => path)));
  const path = 'spec.ports[0].port';
  assert.deepEqual(paths, [[`items[0].${path}`], [`items[0].${path}`], [`[0].${path}`], [path]]);
  assert.deepEqual(
    read(texts[1] ?? '').map(({ problems: [first] }) => [first?.line, first?.column]),
    [[12, 13]],
  );
});

test('what is written in JSON and in YAML is the same', () => {
  const [json] = read(
    '{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"},"spec":{"ports":[{"port":80}]}}',
  );
  const [yaml] = read(service.replace('NAME', 'a'));
  assert.ok(json?.outcome === 'read' && yaml?.outcome === 'read');
  assert.deepEqual(JSON.stringify(json.manifest), JSON.stringify(yaml.manifest));
});

test('hostile documents are refused, not obeyed', () => {
  const bomb = `a: &a [${'x,'.repeat(9)}x]\n${'bcdefgh'
    .split('')
    .map((name, at) => `${name}: &${name} [${`*${'abcdefg'[at]},`.repeat(9)}*${'abcdefg'[at]}]\n`)
    .join('')}`;
  const cases: readonly (readonly [string, RegExp])[] = [
    [bomb, /stands for more than 200000 values/],
    ['a: &a [*a]', /The alias \*a leads nowhere/],
    ['['.repeat(5000), /nested too deep|deeper than/],
    [`${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`, /nested too deep|deeper than|Nested/i],
    ['a: 1\na: 2', /a is there twice/],
    ['? [a]\n: b', /A key must be plain text/],
    [`a: "${'x'.repeat(readLimits.maxDocumentChars)}"`, /at most 1048576 are read/],
    [`a: ${'x'.repeat(readLimits.maxBytes)}`, /at most 4194304 are read/],
    ['%YAML 9.9\n---\n!!js/function a: b', /is missing/],
    ['\u0000', /./],
  ];
  for (const [text, wanted] of cases) assert.match(problems(text).join('\n'), wanted, text.slice(0, 40));
});

test('keys that mean something to JavaScript are keys like any other, and warnings where there is no such field', () => {
  const [resource] = read(
    '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","constructor":1,"__proto__":{"name":"b"}},"data":{"__proto__":"x","constructor":"y"}}',
  );
  assert.ok(resource?.outcome === 'read' && resource.manifest.kind === 'ConfigMap');
  assert.deepEqual(Object.entries(resource.manifest.data ?? {}), [
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);
  assert.equal(resource.key.name, 'a');
  assert.deepEqual(
    resource.problems.map(({ path, code }) => [path, code]),
    [
      ['metadata.constructor', 'unknown-field'],
      ['metadata.__proto__', 'unknown-field'],
    ],
  );
  assert.equal(({} as { name?: string }).name, undefined);
});

test('a flood of unknown fields, resources or errors is cut short', () => {
  const fields = Array.from({ length: 20_000 }, (_, index) => `f${index}: 1`).join('\n');
  assert.ok(
    problems(`apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n${fields}`).length <=
      readLimits.maxProblems,
  );
  const many = JSON.stringify(Array.from({ length: readLimits.maxResources + 10 }, () => 1));
  assert.equal(read(many).length, readLimits.maxResources);
  assert.ok(problems('{'.padEnd(10_000, ',')).length <= 5);
});

test('a manifest without namespace gets the one that was asked for, and one without name has no key', () => {
  const [named] = [...readResources(service.replace('NAME', 'a'), { nowMs, namespace: 'shop' })];
  assert.equal(named?.key?.namespace, 'shop');
  const [nameless] = read(service.replace('{name: NAME}', '{}'));
  assert.deepEqual([nameless?.outcome, nameless?.key], ['refused', undefined]);
  const [cluster] = read(
    'apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: a, namespace: x}',
  );
  assert.deepEqual(cluster?.key?.namespace, '_');
});

const word = fc.constantFrom(
  ...[
    'apiVersion',
    'kind',
    'metadata',
    'spec',
    'name',
    'ports',
    'port',
    'rules',
    'http',
    'paths',
    '__proto__',
  ],
  ...[
    'v1',
    'Service',
    'Ingress',
    'networking.k8s.io/v1',
    'HTTPRoute',
    'gateway.networking.k8s.io/v1',
    'List',
    'items',
  ],
);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    word,
    fc.string(),
    fc.integer(),
    fc.constantFrom(null, true, Number.NaN, -0),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(word, fc.string()), tie('value'), { maxKeys: 5 }),
  ),
})).value;

test('no text makes the reader throw, and every problem has a place in it', () => {
  const manifest = fc
    .tuple(fc.constantFrom(...ruleKinds), json, json)
    .map(([{ apiVersion, kind }, spec, more]) =>
      JSON.stringify({ apiVersion, kind, metadata: { name: 'a' }, spec, more }),
    );
  const line = fc.oneof(
    fc
      .tuple(fc.nat(6), word, fc.constantFrom(':', ': ', '', ': [', ': &a', ': *a', ': |', ': "', ' - '))
      .map(([indent, key, end]) => `${' '.repeat(indent)}${key}${end}`),
    fc.constantFrom('---', '...', '- ', '? ', '%YAML 1.1', '\t', '"', '}', '#'),
    fc.string(),
  );
  const text = fc.oneof(
    manifest,
    json.map((one) => JSON.stringify(one)),
    fc.array(line, { maxLength: 20 }).map((all) => all.join('\n')),
    fc.string(),
  );
  fc.assert(
    fc.property(text, (given) => {
      const lines = given.split('\n').length;
      for (const resource of read(given)) {
        for (const one of resource.problems) {
          assert.ok(one.line !== undefined && one.line >= 1 && one.line <= lines + 1, problemText(one));
        }
        // What was read can be kept, and comes back the same.
        if (resource.outcome === 'read') {
          const again = read(JSON.stringify(resource.manifest));
          assert.equal(again[0]?.outcome, 'read');
        }
      }
    }),
    { numRuns: 2_000 },
  );
});
