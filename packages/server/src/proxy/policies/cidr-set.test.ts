import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { test } from 'node:test';
import { parseIp } from '@portolan/core/base/ip-address.ts';
import fc from 'fast-check';
import { CidrSet } from './cidr-set.ts';

function has(ranges: readonly string[], address: string): boolean {
  const ip = parseIp(address);
  assert.ok(ip, address);
  return new CidrSet(ranges).has(ip);
}

test('a range contains its addresses, of its own family', () => {
  assert.equal(has(['192.0.2.0/24'], '192.0.2.255'), true);
  assert.equal(has(['192.0.2.0/24'], '192.0.3.0'), false);
  assert.equal(has(['192.0.2.7'], '192.0.2.7'), true);
  assert.equal(has(['0.0.0.0/0'], '255.255.255.255'), true);
  assert.equal(has(['0.0.0.0/0'], '2001:db8::1'), false);
  assert.equal(has(['2001:db8::/33'], '2001:db8:7fff::1'), true);
  assert.equal(has(['2001:db8::/33'], '2001:db8:8000::1'), false);
  assert.equal(has(['::/0'], '::1'), true);
  assert.equal(has([], '192.0.2.7'), false);
});

test('IPv4 written as IPv6 is IPv4, on both sides', () => {
  assert.equal(has(['192.0.2.0/24'], '::ffff:192.0.2.7'), true);
  assert.equal(has(['::ffff:192.0.2.0/120'], '192.0.2.7'), true);
  assert.equal(has(['::/0'], '::ffff:192.0.2.7'), false);
});

test('what is no range is told, and contains nobody', () => {
  const set = new CidrSet([
    '10.0.0.0/33',
    'x',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '::/129',
    '::ffff:1.2.3.4/90',
    '10.1.1.1',
  ]);
  assert.deepEqual(set.malformed, [
    '10.0.0.0/33',
    'x',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '::/129',
    '::ffff:1.2.3.4/90',
  ]);
});

test('it agrees with the runtime’s own block list', () => {
  const v4 = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }));
  const v6 = fc.tuple(
    fc
      .array(fc.constantFrom('0', '1', '8000', 'ffff', 'db8'), { minLength: 8, maxLength: 8 })
      .map((groups) => groups.join(':')),
    fc.integer({ min: 0, max: 128 }),
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(v4, v6), { maxLength: 5 }), fc.oneof(v4, v6), (ranges, [address]) => {
      const list = new BlockList();
      // To the runtime, ::/0 contains IPv4 too.
      const sameFamily = ranges.filter(([first]) => first.includes(':') === address.includes(':'));
      for (const [first, bits] of sameFamily)
        list.addSubnet(first, bits, first.includes(':') ? 'ipv6' : 'ipv4');
      const expected = list.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
      assert.equal(
        has(
          ranges.map((range) => range.join('/')),
          address,
        ),
        expected,
      );
    }),
    { numRuns: 2_000 },
  );
});
