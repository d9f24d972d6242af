import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@portolan/core/base/fault.ts';
import fc from 'fast-check';
import { decodeInstances, decodeKv, decodeServices, decodeTexts, parseAnswer } from './decode.ts';

const good = {
  Node: { Node: 'n', Address: '10.0.0.1' },
  Service: { ID: 'a', Service: 's', Port: 1, Tags: ['x'], Meta: { k: 'v' }, Weights: { Passing: 3 } },
  Checks: [{ CheckID: 'c', Name: 'c', Status: 'passing', Output: '' }],
};

test('an instance has the address of its node where it has none, and its weight', () => {
  const [instance] = decodeInstances([good]);
  assert.partialDeepStrictEqual(instance, {
    id: 'a',
    address: '10.0.0.1',
    port: 1,
    weight: 3,
    health: 'passing',
  });
});

test('the worst check is the health, and an unknown word is critical', () => {
  const withStatus = (...words: unknown[]) =>
    decodeInstances([{ ...good, Checks: words.map((Status) => ({ Status })) }])[0]?.health;
  assert.equal(withStatus(), 'passing');
  assert.equal(withStatus('passing', 'warning'), 'warning');
  assert.equal(withStatus('critical', 'warning'), 'critical');
  assert.equal(withStatus('maintenance'), 'critical');
  assert.equal(withStatus(7), 'critical');
});

test('one bad entry does not blank the others', () => {
  const bad = [
    null,
    1,
    [],
    {},
    { Service: { ID: 'x' } },
    { ...good, Service: { ...good.Service, Port: 70_000 } },
  ];
  assert.equal(decodeInstances([...bad, good]).length, 1);
});

test('hostile keys are keys', () => {
  const answer = parseAnswer(
    '[{"Service":{"ID":"a","Address":"h","Meta":{"__proto__":"x","constructor":"y"}}}]',
  );
  assert.deepEqual(Object.entries(decodeInstances(answer)[0]?.metadata ?? {}), [
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);
  assert.deepEqual([...decodeServices(JSON.parse('{"__proto__":["t"]}')).keys()], ['__proto__']);
});

test('no answer throws anything but a fault', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      for (const decode of [decodeInstances, decodeServices, decodeKv, decodeTexts]) {
        try {
          decode(parseAnswer(text));
        } catch (thrown) {
          assert.ok(thrown instanceof Fault);
        }
      }
    }),
  );
});
