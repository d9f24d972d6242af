import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@portolan/core/base/fault.ts';
import fc from 'fast-check';
import { type Parsed, parseConfiguration } from './nginx-parser.fixture.ts';
import {
  block,
  type Directive,
  directive,
  fits,
  readBack,
  type Token,
  template,
  text,
  variable,
  writeConfiguration,
} from './nginx-writer.ts';

function intended(directives: readonly Directive[]): Parsed[] {
  return directives.map((one) => ({
    name: one.name,
    args: one.args.map(readBack),
    block: one.block && intended(one.block),
  }));
}

test('each kind of token is written as nginx reads it', () => {
  const tree = [
    directive('a', 'plain', 7, text('say "hi"; # {x} \\n $y'), text('')),
    block('b', [variable('v')], [directive('c', template('1$', variable('host'), '{;}'))]),
    directive('', text('line\nbreak\ttab\rreturn')),
    block('empty', [], []),
  ];
  assert.equal(
    writeConfiguration(tree),
    `a plain 7 "say \\"hi\\"; # {x} \\\\n $y" "";
b $v {
  c "1\${portolan_dollar}\${host}{;}";
}
"" "line\\nbreak\\ttab\\rreturn";
empty {
}
`,
  );
});

test('a word or variable that is not of our vocabulary is refused, whoever made it', () => {
  const hostile = ['a b', 'a;b', '{', '}', '"', "'", '\\', '#', '', 'a\n', 'é', '$x', '$'];
  for (const value of hostile) {
    const isInternal = (error: unknown) => error instanceof Fault && error.code === 'internal';
    assert.throws(() => writeConfiguration([directive('a', value)]), isInternal, JSON.stringify(value));
    assert.throws(() => writeConfiguration([directive('a', variable(value))]), isInternal, value);
  }
});

test('an argument that nginx has no room for is refused', () => {
  assert.ok(fits(text('x'.repeat(3_900))));
  assert.ok(!fits(text('x'.repeat(4_000))));
  assert.ok(!fits(text('"'.repeat(2_000))));
  assert.throws(
    () => writeConfiguration([directive('a', text('é'.repeat(2_000)))]),
    (error: unknown) => error instanceof Fault && error.code === 'too-large',
  );
});

const nasty = fc.constantFrom(
  ...['"', "'", '\\', '\\\\', '$', '${', '$host', '{', '}', ';', '; }', '#', '\n', '\r\n', '\t', ' ', '\0'],
  ...[
    '# ',
    '*/',
    '`',
    '~',
    '@',
    '=',
    '\u2028',
    '\u00a0',
    '\ufeff',
    '💥',
    'é',
    'return 200;',
    'include /etc/passwd;',
  ],
);
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.array(fc.oneof(nasty, fc.string({ maxLength: 3 })), { maxLength: 12 }).map((parts) => parts.join('')),
);
const token: fc.Arbitrary<Token> = fc.oneof(
  hostile.map(text),
  fc
    .array(fc.oneof(hostile, fc.constant(variable('host'))), { maxLength: 4 })
    .map((parts) => template(...parts)),
  fc.stringMatching(/^[a-z0-9][a-z0-9.:/-]{0,10}$/).map((value): Token => ({ kind: 'word', text: value })),
  fc.constant<Token>(variable('portolan_x')),
);
const name = fc.oneof(fc.stringMatching(/^[a-z][a-z_]{0,8}$/), hostile);
const { tree } = fc.letrec<{ tree: Directive[]; one: Directive }>((tie) => ({
  tree: fc.array(tie('one'), { maxLength: 5, depthIdentifier: 'depth' }),
  one: fc.record({
    name,
    args: fc.array(token, { maxLength: 4 }),
    block: fc.option(tie('tree'), { nil: undefined, depthIdentifier: 'depth', maxDepth: 3 }),
  }),
}));

test('whatever is put into a tree, the file reads back as exactly that tree', () => {
  fc.assert(
    fc.property(tree, (directives) => {
      assert.deepEqual(parseConfiguration(writeConfiguration(directives)), intended(directives));
    }),
    { numRuns: 2_000 },
  );
});
