import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@portolan/core/base/fault.ts';
import * as dnsPacket from 'dns-packet';
import fc from 'fast-check';
import type { Message } from './message.ts';
import { QueryReader } from './query.ts';
import { decodeMessage } from './reader.ts';

const query = (name: string, extra: Partial<dnsPacket.Packet> = {}): Buffer =>
  dnsPacket.encode({
    type: 'query',
    id: 7,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ type: 'SRV', name, class: 'IN' }],
    ...extra,
  });

test('the question of a query is found, its name in lower case', () => {
  const reader = new QueryReader();
  const packet = query('Web.Service.CONSUL');
  assert.equal(reader.read(packet), 'query');
  assert.deepEqual(reader.name(), ['web', 'service', 'consul']);
  assert.equal(reader.type, 33);
  assert.equal(reader.class, 1);
  assert.equal(reader.questionEnd, packet.length);
  assert.equal(reader.recursionDesired, true);
  assert.equal(reader.edns, false);
  assert.equal(reader.udpBytes, 512);
});

test('names that differ in case have one cache key, other types and names another', () => {
  const reader = new QueryReader();
  const keyOf = (packet: Buffer): string => {
    assert.equal(reader.read(packet), 'query');
    return reader.cacheKey();
  };
  const key = keyOf(query('web.service.consul'));
  assert.equal(keyOf(query('wEb.SERVICE.consul')), key);
  assert.notEqual(keyOf(query('web2.service.consul')), key);
  assert.notEqual(
    keyOf(query('web.service.consul', { questions: [{ type: 'A', name: 'web.service.consul' }] })),
    key,
  );
});

test('EDNS is seen, and forgotten for the next query', () => {
  const reader = new QueryReader();
  const option = {
    type: 'OPT' as const,
    name: '.' as const,
    udpPayloadSize: 1400,
    flags: 0,
    extendedRcode: 0,
    ednsVersion: 3,
    flag_do: false,
    options: [],
  };
  assert.equal(reader.read(query('a.consul', { additionals: [option] })), 'query');
  assert.deepEqual([reader.edns, reader.udpBytes, reader.ednsVersion], [true, 1400, 3]);
  assert.equal(reader.read(query('a.consul')), 'query');
  assert.deepEqual([reader.edns, reader.udpBytes], [false, 512]);
  assert.equal(reader.read(query('a.consul', { additionals: [option, option] })), 'format-error');
});

test('responses and scraps get silence, other opcodes "not implemented"', () => {
  const reader = new QueryReader();
  assert.equal(reader.read(Buffer.alloc(11)), 'drop');
  assert.equal(reader.read(query('a.consul', { type: 'response' })), 'drop');
  const notify = query('a.consul');
  notify[2] = 4 << 3;
  assert.equal(reader.read(notify), 'not-implemented');
});

test('no packet makes the reader throw, and what it takes as a query the full decoder reads the same', () => {
  const reader = new QueryReader();
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 });
  const base = fc.constantFrom('web.service.consul', 'a', `${'x'.repeat(63)}.${'y'.repeat(63)}.consul`);
  fc.assert(
    fc.property(base, edits, fc.nat(20), (name, changes, cut) => {
      const packet = query(name);
      for (const [at, value] of changes) packet[at % packet.length] = value;
      const given = packet.subarray(0, packet.length - (cut > 12 ? cut - 12 : 0));
      if (reader.read(given) !== 'query') return;
      assert.ok(reader.questionEnd <= given.length);
      const message = decoded(given);
      if (message === undefined) return;
      assert.deepEqual(
        reader.name(),
        message.questions[0]?.name.map((label) => label.replace(/[A-Z]/g, (letter) => letter.toLowerCase())),
      );
      assert.equal(reader.type, message.questions[0]?.type);
    }),
    { numRuns: 5_000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      reader.read(Buffer.from(bytes));
    }),
    { numRuns: 2_000 },
  );
});

/** Undefined where an additional record of the query is broken inside, which nobody looks at when answering. */
function decoded(packet: Buffer): Message | undefined {
  try {
    return decodeMessage(packet);
  } catch (error) {
    assert.ok(error instanceof Fault);
    return undefined;
  }
}
