import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownListeners } from './own-listeners.ts';

test('a door on one address is found by every notation of it, and at its port only', () => {
  const own = ownListeners([{ address: '127.0.0.1', port: 8080 }], ['10.0.0.7']);
  for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '::ffff:7f00:1', 'localhost', 'A.Localhost']) {
    assert.equal(own.includes(address, 8080), true, address);
    assert.equal(own.includes(address, 8081), false, address);
  }
  for (const address of ['127.0.0.2', '10.0.0.7', '::1', 'example.org']) {
    assert.equal(own.includes(address, 8080), false, address);
  }
});

test('a door on every address is found at every address of the machine', () => {
  for (const address of ['0.0.0.0', '::']) {
    const own = ownListeners([{ address, port: 8080 }], ['10.0.0.7', 'fd00::0007']);
    for (const here of ['127.0.0.1', '127.3.2.1', '::1', '0:0:0:0:0:0:0:1', '10.0.0.7', 'fd00:0::7']) {
      assert.equal(own.includes(here, 8080), true, here);
    }
    assert.equal(own.includes('10.0.0.8', 8080), false);
  }
});

test('a port that is not bound yet reserves nothing', () => {
  assert.equal(ownListeners([{ address: '127.0.0.1', port: 0 }], []).hasPort(0), false);
});

test('a door covers what listens at its address, in any notation', () => {
  const loopback = ownListeners([], ['10.0.0.7'], '127.0.0.1');
  assert.equal(loopback.doorCovers('localhost'), true);
  assert.equal(loopback.doorCovers('::ffff:127.0.0.1'), true);
  assert.equal(loopback.doorCovers('10.0.0.7'), false);
  assert.equal(ownListeners([], ['10.0.0.7'], '0.0.0.0').doorCovers('10.0.0.7'), true);
  assert.equal(ownListeners([], ['10.0.0.7'], '0.0.0.0').doorCovers('10.0.0.8'), false);
  assert.equal(ownListeners([], []).doorCovers('127.0.0.1'), false);
});
