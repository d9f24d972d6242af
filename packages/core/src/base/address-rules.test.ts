import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@portolan/core/base/fault.ts';
import { addressRules } from './address-rules.ts';

const denied = [
  '169.254.169.254',
  '169.254.0.1',
  '0.0.0.0',
  '0.1.2.3',
  '224.0.0.1',
  '255.255.255.255',
  '100.100.100.200',
  '::',
  'fe80::1',
  'fe80::1%eth0',
  'febf::1',
  'fd00:ec2::254',
  'ff02::1',
  '::ffff:169.254.169.254',
  '::ffff:a9fe:a9fe',
  '0:0:0:0:0:ffff:a9fe:a9fe',
  '::169.254.169.254',
  '64:ff9b::a9fe:a9fe',
  '2002:a9fe:a9fe::1',
  '::ffff:0.0.0.0',
  'not an address',
  '',
];

const allowed = [
  '127.0.0.1',
  '::1',
  '10.1.2.3',
  '192.168.0.1',
  '8.8.8.8',
  'fd00::1',
  '2001:db8::1',
  '::ffff:10.0.0.1',
];

for (const address of denied) {
  test(`no check connects to "${address}"`, () => assert.equal(addressRules().allows(address), false));
}

for (const address of allowed) {
  test(`a check may connect to ${address}`, () => assert.equal(addressRules().allows(address), true));
}

test('an allowed CIDR beats the denied ones, so that both together are an allow-list', () => {
  const rules = addressRules(['0.0.0.0/0', '::/0'], ['10.0.0.0/8', '169.254.7.7']);
  assert.ok(rules.allows('10.9.9.9'));
  assert.ok(rules.allows('169.254.7.7'));
  assert.ok(rules.allows('::ffff:10.9.9.9'));
  assert.ok(!rules.allows('127.0.0.1'));
  assert.ok(!rules.allows('::1'));
});

for (const cidr of ['10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/x', 'ten', '::/129', '']) {
  test(`"${cidr}" is refused as a CIDR`, () => {
    assert.throws(
      () => addressRules([cidr]),
      (error: unknown) => error instanceof Fault && error.code === 'invalid',
    );
  });
}

test('a name may be handed on, a denied address or a number in another notation may not', () => {
  const rules = addressRules();
  const good = ['db.internal', 'db-7', 'a1', 'localhost', '127.0.0.1', '::1', '10.1.2.3', '4.example.com.'];
  for (const host of good) assert.equal(rules.allowsHost(host), true, host);
  const bad = ['169.254.169.254', 'fe80::1%eth0', '::ffff:169.254.169.254', '0.0.0.0', '::', '224.0.0.1'];
  const numbers = ['2852039166', '169.254.43518', '0xa9.254.169.254', '0251.254.169.254', '169.254.169.254.'];
  for (const host of [...bad, ...numbers]) assert.equal(rules.allowsHost(host), false, host);
});
