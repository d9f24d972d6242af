import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { compileTemplate } from '../../language/execute.ts';
import { TemplateError } from '../../language/template-error.ts';
import { Float, GoMap, type Value } from '../../language/values.ts';
import { sprigFunctions } from './sprig.ts';

interface Golden {
  readonly source: string;
  readonly output?: string;
  readonly error?: string;
}

/** What Go and sprig themselves made of each case: see testdata/generate.go. */
const golden: readonly Golden[] = JSON.parse(
  readFileSync(new URL('testdata/golden.json', import.meta.url), 'utf8'),
);

const data = (): Value =>
  new GoMap(
    new Map<string, Value>([
      ['L', ['b', 'a', 'c']],
      ['Ints', [1, 2, 3]],
      ['Nil', null],
      ['S', 'web'],
      ['N', 3],
      ['F', new Float(2.5)],
      [
        'D',
        new GoMap(
          new Map<string, Value>([
            ['a', 1],
            ['b', new GoMap(new Map([['c', 'd']]))],
          ]),
        ),
      ],
    ]),
  );

const machine = {
  environment: { HOME: '/root' },
  wallMs: () => 1_577_934_245_000,
  timeZone: 'UTC',
  readFile: () => '',
};

function render(source: string): string {
  return compileTemplate('t', source, { functions: new Map(sprigFunctions(machine)) }).render(data());
}

for (const { source, output, error } of golden) {
  test(`as sprig does: ${source}`, () => {
    if (error === undefined) assert.equal(render(source), output ?? '');
    else assert.throws(() => render(source), TemplateError);
  });
}

test('every function that the golden cases name is there or refused with a reason', () => {
  assert.throws(() => render('{{ sprig_genCA "x" 1 }}'), /sprig_genCA: templates make no keys/);
  assert.throws(() => render('{{ sprig_getHostByName "x" }}'), /asks no name server/);
});

test('the environment and the clock are the machine’s', () => {
  assert.equal(
    render('{{ sprig_env "HOME" }} {{ sprig_env "no" }} {{ sprig_expandenv "a$HOME-$HOME" }}'),
    '/root  a/root-/root',
  );
  assert.equal(
    render('{{ sprig_now | sprig_date "2006-01-02" }} {{ sprig_ago 1577934240 }}'),
    '2020-01-02 5s',
  );
});

test('a map cannot be put into itself', () => {
  for (const source of [
    '{{ $d := sprig_dict }}{{ $_ := sprig_set $d "a" (sprig_list $d) }}',
    '{{ $d := sprig_dict }}{{ $_ := sprig_merge $d (sprig_dict "a" $d) }}',
  ])
    assert.throws(() => render(source), /a map cannot hold itself/);
});

const greedy = [
  '{{ sprig_repeat 999999999999 "ab" }}',
  '{{ sprig_indent 999999999 "a\\nb" }}',
  '{{ sprig_until 9999999999 }}',
  '{{ sprig_seq 1 9999999999 }}',
  '{{ sprig_randAlpha 999999999 }}',
  '{{ sprig_wrapWith 1 (sprig_repeat 9999 "x") (sprig_repeat 9999 "ab") }}',
  '{{ sprig_replace "" (sprig_repeat 99999 "x") (sprig_repeat 9999 "ab") }}',
];
for (const source of greedy) {
  test(`is stopped before it fills the memory: ${source}`, () =>
    assert.throws(() => render(source), TemplateError));
}
