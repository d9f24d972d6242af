import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fieldNames } from '../http1/line-fields.ts';
import { compileHeaderChanges, editLines } from './header-edit.ts';

const edited = (lines: string, changes: Parameters<typeof compileHeaderChanges>[0]): string => {
  const edit = compileHeaderChanges(changes, 'request');
  return edit === undefined ? lines : editLines(lines, edit);
};

test('fields are removed whatever their case, set in place of all of that name, added beside them', () => {
  const lines = 'A: 1\r\nX-Two: 2\r\na: 3\r\nB: 4\r\n';
  assert.equal(edited(lines, { remove: ['A'] }), 'X-Two: 2\r\nB: 4\r\n');
  assert.equal(edited(lines, { set: [{ name: 'a', value: '9' }] }), 'X-Two: 2\r\nB: 4\r\na: 9\r\n');
  assert.equal(edited(lines, { add: [{ name: 'a', value: '9' }] }), `${lines}a: 9\r\n`);
  assert.equal(edited('', { set: [{ name: 'a', value: '' }] }), 'a: \r\n');
});

test('a Host that is set is a rewrite, and none if it is no host', () => {
  assert.equal(
    compileHeaderChanges({ set: [{ name: 'host', value: 'b.test:8080' }] }, 'request')?.host,
    'b.test:8080',
  );
  assert.equal(
    compileHeaderChanges({ set: [{ name: ':authority', value: 'b test' }] }, 'request'),
    undefined,
  );
  assert.equal(compileHeaderChanges({ set: [{ name: 'host', value: 'b.test' }] }, 'response'), undefined);
});

test('whatever is asked for, no line is added that was not, and nothing that frames is touched', () => {
  const framing = 'Content-Length: 3\r\nTransfer-Encoding: chunked\r\nConnection: x\r\n';
  const name = fc.oneof(
    fc.constantFrom(
      'x',
      'Connection',
      'content-length',
      'TRANSFER-ENCODING',
      'a b',
      'a:',
      '',
      'te',
      'upgrade',
    ),
    fc.string({ maxLength: 8 }),
  );
  const value = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.constant('a\r\nEvil: 1'),
    fc.constant('\n'),
  );
  const headers = fc.array(fc.record({ name, value }), { maxLength: 4 });
  fc.assert(
    fc.property(
      fc.record({ remove: fc.array(name, { maxLength: 4 }), set: headers, add: headers }),
      (changes) => {
        const result = edited(framing, changes);
        assert.ok(result.startsWith(framing));
        const rest = result.slice(framing.length);
        assert.match(rest, /^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\u0080-\u00ff]*\r\n)*$/);
        const wanted = new Set([...changes.set, ...changes.add].map((one) => one.name.toLowerCase()));
        for (const one of fieldNames(rest)) assert.ok(wanted.has(one), one);
      },
    ),
    { numRuns: 3_000 },
  );
});
