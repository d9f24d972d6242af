import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeResponse, encodeRequest } from './grpc-health-codec.ts';

test('a request without a service is an empty message', () => {
  assert.deepEqual(encodeRequest(''), Buffer.from([0, 0, 0, 0, 0]));
});

test('a request names its service in field 1', () => {
  assert.deepEqual(encodeRequest('ab'), Buffer.from([0, 0, 0, 0, 4, 0x0a, 2, 0x61, 0x62]));
  const long = encodeRequest('x'.repeat(300));
  assert.deepEqual(long.subarray(0, 8), Buffer.from([0, 0, 0, 1, 0x2f, 0x0a, 0xac, 0x02]));
});

function framed(...message: number[]): Buffer {
  return Buffer.from([0, 0, 0, 0, message.length, ...message]);
}

test('an answer says whether the service serves', () => {
  assert.equal(decodeResponse(framed(0x08, 1)), 'SERVING');
  assert.equal(decodeResponse(framed(0x08, 2)), 'NOT_SERVING');
  assert.equal(decodeResponse(framed(0x08, 3)), 'SERVICE_UNKNOWN');
  assert.equal(decodeResponse(framed(0x08, 9)), 'UNKNOWN');
  assert.equal(decodeResponse(framed()), 'UNKNOWN');
});

test('fields of tomorrow are passed over', () => {
  assert.equal(
    decodeResponse(framed(0x12, 2, 0xff, 0xff, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x25, 1, 2, 3, 4, 0x08, 1)),
    'SERVING',
  );
});

for (const [name, bytes] of [
  ['nothing', Buffer.alloc(0)],
  ['a frame cut short', Buffer.from([0, 0, 0, 0, 2, 8])],
  ['a compressed frame', Buffer.from([1, 0, 0, 0, 2, 8, 1])],
  ['a length beyond the end', framed(0x12, 50, 1)],
  ['a varint without end', framed(0x08, 0xff)],
  ['field number 0', framed(0x00, 1)],
  ['a group', framed(0x0b)],
] as const) {
  test(`${name} is no answer`, () => assert.equal(decodeResponse(bytes), undefined));
}

test('no bytes make the decoder throw', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => void decodeResponse(framed(...bytes))));
});
