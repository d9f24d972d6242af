import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Fault } from '../base/fault.ts';
import { compileFilter, type FieldType } from './evaluate.ts';
import { parseFilter } from './parse.ts';

const shape: FieldType = {
  fields: {
    Node: { fields: { Node: 'string', Meta: { mapOf: 'string' } } },
    Service: {
      fields: {
        ID: 'string',
        Port: 'number',
        Tags: { listOf: 'string' },
        Meta: { mapOf: 'string' },
        EnableTagOverride: 'boolean',
      },
    },
    Checks: { listOf: { fields: { Status: 'string', Name: 'string' } } },
  },
};

const item = {
  Node: { Node: 'n1', Meta: { rack: 'a', 'os-name': 'linux' } },
  Service: {
    ID: 'web-1',
    Port: 8080,
    Tags: ['v1', 'http'],
    Meta: { version: '1.2' },
    EnableTagOverride: false,
  },
  Checks: [
    { Status: 'passing', Name: 'a' },
    { Status: 'warning', Name: 'b' },
  ],
};

const regex = (pattern: string) => {
  const compiled = new RegExp(pattern);
  return (text: string) => compiled.test(text);
};
const matches = (source: string, value: unknown = item) => compileFilter(source, shape, regex)(value);

const holds = [
  'Service.ID == "web-1"',
  'Service.ID == web-1',
  'Service.ID == `web-1`',
  'Service.Port == 8080',
  'Service.Port != "80"',
  '"v1" in Service.Tags',
  'v1 in Service.Tags',
  '"v2" not in Service.Tags',
  'v2 not in Service.Tags',
  'Service.Tags contains "http"',
  'Service.Tags not contains "tcp"',
  'Service.Tags is not empty',
  'Service.Meta.version == "1.2"',
  'Service.Meta["version"] == "1.2"',
  'Node.Meta["os-name"] == "linux"',
  'Node.Meta.os-name == linux',
  '"/Node/Meta/os-name" == "linux"',
  '"rack" in Node.Meta',
  'Node.Meta.nothing is empty',
  'Node.Meta.nothing != "x"',
  'not Node.Meta.nothing == "x"',
  '"web" in Service.ID',
  'Service.ID matches "^web-[0-9]+$"',
  'Service.ID not matches "^db"',
  'Service.EnableTagOverride == false',
  'Service.ID == "no" or Service.Port == 8080 and "v1" in Service.Tags',
  'not (Service.ID == "no" or Service.Port == 1)',
  'any Checks as c { c.Status == "warning" }',
  'all Checks as c { c.Status != "critical" }',
  'any Service.Tags as t { t == "v1" }',
  'any Node.Meta as k, v { k == "rack" and v == "a" }',
];

for (const source of holds) test(`holds: ${source}`, () => assert.equal(matches(source), true));

const fails = [
  'Service.ID == "web-2"',
  'Node.Meta.nothing == "x"',
  'Service.Tags is empty',
  'not Service.Port == 8080',
];
for (const source of fails) test(`does not hold: ${source}`, () => assert.equal(matches(source), false));

const wrong: readonly (readonly [string, RegExp])[] = [
  ['', /expected a name, found the end/],
  ['Service.ID', /expected "=="/],
  ['Service.ID ==', /expected a value/],
  ['Service.ID == "a" Service.Port == 1', /expected "and", "or" or the end/],
  ['Service.Nope == "a"', /Selector "Service.Nope" is not valid/],
  ['Service.__proto__ == "a"', /Selector "Service.__proto__" is not valid/],
  ['Service.Port == "x"', /"x" is not a number, and Service.Port is one/],
  ['Service == "x"', /cannot be used on Service, which is a structure/],
  ['Service.ID == "a', /a string that is not closed/],
  ['Service.ID matches "("', /is not a regular expression/],
  ['(Service.ID == "a"', /expected "\)"/],
];
for (const [source, message] of wrong) {
  test(`refused: ${source || '(nothing)'}`, () =>
    assert.throws(() => matches(source), { name: 'Fault', code: 'invalid', message }));
}

test('an absent list is an empty one', () => {
  const bare = { ...item, Service: { ...item.Service, Tags: null } };
  assert.equal(matches('Service.Tags is empty', bare), true);
  assert.equal(matches('"v1" not in Service.Tags', bare), true);
});

test('no input throws anything but a fault', () => {
  const pieces = fc.constantFrom(
    '(',
    ')',
    'not',
    'and',
    'or',
    '==',
    '"a"',
    'in',
    'is',
    'empty',
    'a.b',
    '[',
    ']',
    '1',
    'any',
    'as',
    '{',
    '}',
    '`',
    '"',
  );
  const garbled = fc.oneof(
    fc.string(),
    fc.array(pieces).map((list) => list.join(' ')),
  );
  fc.assert(
    fc.property(garbled, (source) => {
      try {
        parseFilter(source);
      } catch (thrown) {
        assert.ok(thrown instanceof Fault);
      }
    }),
  );
});

test('deep nesting is refused, not a stack overflow', () => {
  assert.throws(() => parseFilter(`${'('.repeat(4000)}a == b`), { name: 'Fault', code: 'too-large' });
});
