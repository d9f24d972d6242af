import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Query } from '../data/query.ts';
import { compileTemplate } from '../language/execute.ts';
import { TemplateError } from '../language/template-error.ts';
import { Float, GoMap, type Value } from '../language/values.ts';
import { templateFunctions } from './functions.ts';

const machine = {
  environment: {},
  wallMs: () => 1_577_934_245_000,
  timeZone: 'UTC',
  readFile: () => 'text',
  writeFile: () => {},
};

/** Texts as somebody would write them who means harm. */
const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '__proto__',
    'constructor',
    '{{.}}',
    '$1$2$$',
    '(a+)+$',
    '((a{0,100}){0,100}){0,100}',
    '[',
    '%!d(%s%n%*d',
    '\0',
    '\ud800',
    '🏴‍☠️',
    '-99999999999999999999',
    '1e999',
    '0x',
    '../../etc/passwd',
    '&a [*a]',
    '{"__proto__":{"x":1}}',
    '{"a":'.repeat(2000),
    '['.repeat(3000),
    'a'.repeat(20_000),
    `v1.2.3-${'a.'.repeat(500)}`,
    '>='.repeat(300),
    '2006-01-02T15:04:05Z07:00',
    'http://[::1',
    '%zz',
    '\n\r\u2028\t',
  ),
);

const value: fc.Arbitrary<Value> = fc.oneof(
  { weight: 4, arbitrary: nasty },
  fc.integer({ min: -1_000_000, max: 1_000_000 }),
  fc.constantFrom<Value>(null, true, false, 0, 1, 2, -1, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER),
  fc.double().map((number) => new Float(number)),
  fc.array(nasty, { maxLength: 4 }),
  fc.dictionary(nasty, nasty, { maxKeys: 4 }).map((record) => new GoMap(new Map(Object.entries(record)))),
  fc.dictionary(nasty, nasty, { maxKeys: 4 }).map((record) => GoMap.ofStrings(record)),
  fc.array(fc.array(nasty, { maxLength: 2 }), { maxLength: 2 }),
);

const names = [...templateFunctions({ recall: () => undefined }, machine).keys()];

test('no function throws anything but a template error, whatever it is given', () => {
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.array(value, { maxLength: 5 }), (name, args) => {
      const functions = templateFunctions({ recall: () => undefined }, machine);
      const source = `{{ ${name}${args.map((_, at) => ` (index . ${at})`).join('')} }}`;
      try {
        compileTemplate('t', source, { functions }).render(args, functions);
      } catch (thrown) {
        assert.ok(thrown instanceof TemplateError, `${source}: ${String(thrown)}`);
      }
    }),
    { numRuns: 4000 },
  );
});

test('what a registry says reaches the file as it is, or as a template error', () => {
  fc.assert(
    fc.property(nasty, fc.array(nasty, { maxLength: 3 }), fc.dictionary(nasty, nasty), (name, tags, meta) => {
      const entry = {
        Node: { Node: name, Address: name, Meta: meta },
        Service: { ID: name, Service: name, Tags: tags, Address: name, Port: 1, Meta: meta },
        Checks: [],
      };
      const data = { recall: (query: Query) => query.decode([entry]) };
      const functions = templateFunctions(data, machine);
      const source =
        '{{ range service "web" }}{{ .Name }}{{ range .Tags }}{{ . }}{{ end }}{{ .ServiceMeta | toJSON }}{{ toYAML .ServiceMeta }}{{ end }}' +
        '{{ range $k, $v := service "web" | byTag }}{{ $k }}{{ end }}{{ range $k, $v := service "web" | byMeta "a,b" }}{{ $k }}{{ end }}';
      const text = compileTemplate('t', source, { functions }).render(null, functions);
      assert.ok(text.startsWith(name));
    }),
    { numRuns: 300 },
  );
});

for (const source of [
  '{{ indent 99999999 "a\\nb" }}',
  '{{ range loop 99999999999 }}x{{ end }}',
  '{{ replaceAll "" (sprig_repeat 90000 "x") (sprig_repeat 90000 "y") }}',
  '{{ regexReplaceAll "" (sprig_repeat 90000 "x") (sprig_repeat 90000 "y") }}',
  '{{ range loop 999999 }}{{ range loop 999999 }}{{ sprig_repeat 1000 "x" }}{{ end }}{{ end }}',
]) {
  test(`is stopped before it fills the memory: ${source}`, () => {
    const functions = templateFunctions({ recall: () => undefined }, machine);
    assert.throws(() => compileTemplate('t', source, { functions }).render(null, functions), TemplateError);
  });
}

test('a field cannot be wider than a million characters', () => {
  const render = (source: string): string => compileTemplate('t', source).render(null);
  assert.equal(render('{{ printf "%999999999d" 1 }}').length, 1_000_000);
  assert.equal(render('{{ printf "%.999999999f" 1.0 }}').length <= 1_000_002, true);
});
