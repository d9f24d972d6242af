import assert from 'node:assert/strict';
import { isIP, SocketAddress } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatAddress, fromHexLabel, fromReverseName, hexLabel, parseAddress } from './address.ts';

const addressBytes = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  // Runs of zeros are what the short form is about.
  fc
    .array(fc.constantFrom(0, 0, 0, 1, 0xab), { minLength: 16, maxLength: 16 })
    .map((list) => Uint8Array.from(list)),
);

test('an address survives its text, its hexadecimal label and its reverse name', () => {
  fc.assert(
    fc.property(addressBytes, (bytes) => {
      const text = formatAddress(bytes);
      assert.equal(isIP(text), bytes.length === 4 ? 4 : 6);
      assert.deepEqual(parseAddress(text), bytes);
      assert.deepEqual(fromHexLabel(hexLabel(bytes)), bytes);
      const reverse =
        bytes.length === 4
          ? [...text.split('.').reverse(), 'in-addr', 'arpa']
          : [...[...hexLabel(bytes)].reverse(), 'ip6', 'arpa'];
      assert.deepEqual(fromReverseName(reverse), bytes);
    }),
  );
});

test('what we take as an address, Node takes too, and in the same sense', () => {
  const text = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.stringMatching(/^[0-9a-f:.]{1,45}$/),
    fc.constantFrom(
      '1.2.3',
      '01.2.3.4',
      '1.2.3.4.',
      '::',
      '::1',
      ':::',
      '1::2::3',
      '::ffff:1.2.3.4',
      'fe80::1%eth0',
      '',
    ),
  );
  fc.assert(
    fc.property(text, (candidate) => {
      const bytes = parseAddress(candidate);
      if (bytes === undefined) {
        assert.ok(isIP(candidate) === 0 || candidate.includes('%'), candidate);
        return;
      }
      const family = bytes.length === 4 ? 'ipv4' : 'ipv6';
      const theirs = new SocketAddress({ address: candidate, family }).address;
      assert.deepEqual(parseAddress(theirs), bytes);
    }),
    { numRuns: 500 },
  );
});

test('reverse names that name no address are none', () => {
  for (const name of [
    '1.2.3.in-addr.arpa',
    '1.2.3.4.5.in-addr.arpa',
    '256.0.0.1.in-addr.arpa',
    'ip6.arpa',
    'arpa',
  ]) {
    assert.equal(fromReverseName(name.split('.')), undefined, name);
  }
});
