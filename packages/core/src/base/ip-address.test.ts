import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { isIpAddress, parseIp } from './ip-address.ts';

test('what is an address is what Node takes for one', () => {
  const near = fc.stringMatching(/^[0-9a-f:.]{1,20}$/);
  const groups = fc.array(fc.stringMatching(/^[0-9a-f]{0,5}$/), { maxLength: 9 });
  const mixed = fc.tuple(groups, fc.option(fc.ipV4(), { nil: '' }));
  const texts = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    near,
    mixed.map(([parts, end]) => [...parts, end].join(':')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      assert.equal(isIpAddress(text), isIP(text) !== 0, text);
      if (isIP(text) !== 0) assert.equal(parseIp(text)?.family, isIP(text));
    }),
    { numRuns: 5_000 },
  );
});

test('an address has the numbers that it says', () => {
  assert.deepEqual(parseIp('169.254.1.2')?.groups, [0, 0, 0, 0, 0, 0, 0xa9fe, 0x0102]);
  assert.deepEqual(parseIp('1:2::7.0.0.8')?.groups, [1, 2, 0, 0, 0, 0, 0x0700, 8]);
  assert.deepEqual(parseIp('::')?.groups, [0, 0, 0, 0, 0, 0, 0, 0]);
});
