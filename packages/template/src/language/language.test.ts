import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileTemplate } from './execute.ts';
import { TemplateError } from './template-error.ts';
import { Callable, Float, GoMap, Struct, type Value } from './values.ts';

interface Golden {
  readonly source: string;
  readonly output?: string;
  readonly error?: string;
}

/** What Go's own text/template made of each case: see testdata/generate.go. */
const golden: readonly Golden[] = JSON.parse(
  readFileSync(new URL('testdata/golden.json', import.meta.url), 'utf8'),
);

function service(name: string, port: number, tags: readonly string[], meta: Record<string, string>): Struct {
  const fields = new Map<string, Value>([
    ['Name', name],
    ['Port', port],
    ['Tags', tags],
    ['Meta', GoMap.ofStrings(meta)],
  ]);
  const greet = new Callable('Greet', (...args) => {
    if (args.length !== 1) throw new Error(`wrong number of args for Greet: want 1 got ${args.length}`);
    if (typeof args[0] !== 'string') throw new Error('expected string');
    return `${name} greets ${args[0]}`;
  });
  return new Struct('main.service', fields, new Map([['Greet', greet]]));
}

const services = [service('web', 80, ['http', 'v1'], { zone: 'a' }), service('db', 5432, [], {})];
const data = new GoMap(
  new Map<string, Value>([
    ['Name', 'web'],
    ['N', 3],
    ['Zero', 0],
    ['F', new Float(2.5)],
    ['Big', new Float(1_000_000)],
    ['Huge', new Float(1e22)],
    ['Small', new Float(0.00001234)],
    ['T', true],
    ['No', false],
    ['Nil', null],
    ['L', ['a', 'b', 'c']],
    ['Ints', [1, 2, 3]],
    ['Empty', []],
    [
      'IntMap',
      new GoMap(
        new Map([
          [10, 'ten'],
          [2, 'two'],
        ]),
        '',
      ),
    ],
    ['M', GoMap.ofStrings({ k: 'v', a: 'b' })],
    [
      'Any',
      new GoMap(
        new Map<string, Value>([
          ['x', 1],
          ['deep', new GoMap(new Map([['y', 'z']]))],
        ]),
      ),
    ],
    ['S', services[0] ?? null],
    ['Svcs', services],
    ['Html', '<a href="x">\'&\'</a>'],
    ['Uni', 'héllo, wörld ✓'],
  ]),
);

const lineOf = (message: string): string | undefined => /^template: [^:]*:(\d+)/.exec(message)?.[1];

for (const { source, output, error } of golden) {
  test(`as Go does: ${JSON.stringify(source)}`, () => {
    const render = (): string => compileTemplate('t', source).render(data);
    if (error === undefined) assert.equal(render(), output ?? '');
    else {
      assert.throws(render, (thrown) => {
        assert.ok(thrown instanceof TemplateError, String(thrown));
        assert.equal(lineOf(thrown.message), lineOf(error), thrown.message);
        return true;
      });
    }
  });
}

test('delimiters can be others', () => {
  const delimiters = { left: '<%', right: '%>' };
  assert.equal(compileTemplate('t', '{{x}} <%- .Name -%> y', { delimiters }).render(data), '{{x}}weby');
});

test('a missing key is an error when that is asked for', () => {
  assert.throws(
    () => compileTemplate('t', '{{.Missing}}', { missingKey: 'error' }).render(data),
    /map has no entry for key "Missing"/,
  );
});

test('no input throws anything but a template error', () => {
  const pieces = fc.constantFrom(
    '{{',
    '}}',
    '{{- ',
    ' -}}',
    'if',
    'end',
    'range',
    '.',
    '.A',
    '$x',
    ':=',
    '|',
    '(',
    ')',
    '"a"',
    '1',
    ' ',
    '\n',
    'else',
    'define',
    '/*',
    '*/',
    'eq',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
      try {
        compileTemplate('t', parts.join('')).render(data);
      } catch (thrown) {
        assert.ok(thrown instanceof TemplateError, String(thrown));
      }
    }),
    { numRuns: 3000 },
  );
});

test('names from the network are plain keys', () => {
  const hostile = new GoMap(new Map<string, Value>([['__proto__', 'own']]));
  assert.equal(compileTemplate('t', '{{.__proto__}}|{{.constructor}}').render(hostile), 'own|<no value>');
});
