import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@portolan/core/base/fault.ts';
import * as dnsPacket from 'dns-packet';
import fc from 'fast-check';
import { formatAddress } from './address.ts';
import type { Message, Name, Resource } from './message.ts';
import { decodeMessage } from './reader.ts';
import { encodeMessage, isName } from './writer.ts';

const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const latin1 = (minLength: number, maxLength: number) =>
  fc.uint8Array({ minLength, maxLength }).map((bytes) => Buffer.from(bytes).toString('latin1'));
/** A few labels again and again, so that names share suffixes. */
const label = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('web', 'service', 'consul', 'WEB') },
  latin1(1, 63),
);
const name: fc.Arbitrary<Name> = fc.array(label, { maxLength: 6 }).filter(isName);
const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(formatAddress);
const ipv6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(formatAddress);

const data = fc.oneof(
  fc.record({ type: fc.constant('A' as const), address: ipv4 }),
  fc.record({ type: fc.constant('AAAA' as const), address: ipv6 }),
  fc.record({ type: fc.constantFrom('NS' as const, 'CNAME' as const, 'PTR' as const), target: name }),
  fc.record({
    type: fc.constant('SRV' as const),
    priority: uint16,
    weight: uint16,
    port: uint16,
    target: name,
  }),
  fc.record({
    type: fc.constant('TXT' as const),
    strings: fc.array(latin1(0, 255), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    type: fc.constant('SOA' as const),
    primary: name,
    mailbox: name,
    serial: uint32,
    refreshSeconds: uint32,
    retrySeconds: uint32,
    expireSeconds: uint32,
    minimumSeconds: uint32,
  }),
  fc.record({
    type: fc.constant('other' as const),
    code: fc.integer({ min: 256, max: 65_000 }),
    data: fc.uint8Array({ maxLength: 40 }),
  }),
);
const resource: fc.Arbitrary<Resource> = fc
  .tuple(name, uint32, data)
  .map(([owner, ttlSeconds, rest]) => ({ name: owner, ttlSeconds, ...rest }));
const resources = fc.array(resource, { maxLength: 4 });

const message: fc.Arbitrary<Message> = fc
  .record({
    id: uint16,
    response: fc.boolean(),
    opcode: fc.integer({ min: 0, max: 15 }),
    authoritative: fc.boolean(),
    truncated: fc.boolean(),
    recursionDesired: fc.boolean(),
    recursionAvailable: fc.boolean(),
    rcode: fc.integer({ min: 0, max: 15 }),
    questions: fc.array(fc.record({ name, type: uint16, class: uint16 }), { maxLength: 2 }),
    answers: resources,
    authorities: resources,
    additionals: resources,
    edns: fc.option(
      fc.record({ udpBytes: uint16, version: fc.integer({ min: 0, max: 255 }), dnssecOk: fc.boolean() }),
      { nil: undefined },
    ),
  })
  .chain((base) =>
    base.edns === undefined
      ? fc.constant(base)
      : fc.integer({ min: 0, max: 4095 }).map((rcode) => ({ ...base, rcode })),
  );

test('a message survives its encoding', () => {
  fc.assert(
    fc.property(message, (original) => {
      // fast-check's records have no prototype; a clone is a plain object as ours are.
      assert.deepEqual(decodeMessage(encodeMessage(original)), structuredClone(original));
    }),
  );
});

test('dns-packet reads what we write', () => {
  const plainLabel = fc.constantFrom('web', 'service', 'consul', 'a-b', '_tcp', 'x1');
  const plainName = fc.array(plainLabel, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(plainName, plainName, uint16, ipv4, ipv6, uint16, (owner, target, port, v4, v6, id) => {
      const ttlSeconds = 5;
      const encoded = encodeMessage({
        ...blank,
        id,
        questions: [{ name: owner, type: 33, class: 1 }],
        answers: [
          { name: owner, ttlSeconds, type: 'SRV', priority: 1, weight: 2, port, target },
          { name: owner, ttlSeconds, type: 'CNAME', target },
        ],
        additionals: [
          { name: target, ttlSeconds, type: 'A', address: v4 },
          { name: target, ttlSeconds, type: 'AAAA', address: v6 },
          { name: target, ttlSeconds, type: 'TXT', strings: ['a=b'] },
        ],
      });
      const theirs = dnsPacket.decode(encoded);
      assert.equal(theirs.id, id);
      assert.deepEqual(
        theirs.questions?.map((question) => [question.name, question.type]),
        [[owner.join('.'), 'SRV']],
      );
      assert.deepEqual(
        theirs.answers?.map((record) => ('data' in record ? record.data : undefined)),
        [{ priority: 1, weight: 2, port, target: target.join('.') }, target.join('.')],
      );
      const [a, aaaa, txt] = theirs.additionals ?? [];
      assert.equal(a?.type === 'A' && a.data, v4);
      // dns-packet does not shorten addresses as RFC 5952 says: compare the bytes behind the text.
      assert.equal(
        aaaa?.type === 'AAAA' && new URL(`http://[${aaaa.data}]`).host,
        new URL(`http://[${v6}]`).host,
      );
      assert.equal(txt?.type === 'TXT' && String(txt.data), 'a=b');
    }),
  );
});

test('we read what dns-packet writes', () => {
  const encoded = dnsPacket.encode({
    type: 'response',
    id: 4711,
    flags: dnsPacket.AUTHORITATIVE_ANSWER | dnsPacket.RECURSION_DESIRED,
    questions: [{ type: 'SRV', name: 'web.service.consul', class: 'IN' }],
    answers: [
      {
        type: 'SRV',
        name: 'web.service.consul',
        ttl: 3,
        data: { port: 80, target: 'n1.node.consul', priority: 1, weight: 9 },
      },
      { type: 'TXT', name: 'web.service.consul', ttl: 3, data: ['x', 'y'] },
    ],
    additionals: [{ type: 'AAAA', name: 'n1.node.consul', ttl: 0, data: '2001:db8::1' }],
  });
  const ours = decodeMessage(encoded);
  const owner = ['web', 'service', 'consul'];
  const target = ['n1', 'node', 'consul'];
  assert.deepEqual(ours, {
    ...blank,
    id: 4711,
    authoritative: true,
    recursionDesired: true,
    questions: [{ name: owner, type: 33, class: 1 }],
    answers: [
      { name: owner, ttlSeconds: 3, type: 'SRV', priority: 1, weight: 9, port: 80, target },
      { name: owner, ttlSeconds: 3, type: 'TXT', strings: ['x', 'y'] },
    ],
    additionals: [{ name: target, ttlSeconds: 0, type: 'AAAA', address: '2001:db8::1' }],
  });
});

test('names are compressed: eight addresses take 16 bytes each', () => {
  const owner = ['web', 'service', 'consul'];
  const answers = Array.from(
    { length: 8 },
    (_, index): Resource => ({
      name: owner,
      ttlSeconds: 0,
      type: 'A',
      address: `10.0.0.${index}`,
    }),
  );
  const bytes = encodeMessage({ ...blank, questions: [{ name: owner, type: 1, class: 1 }], answers });
  assert.equal(bytes.length, 12 + 20 + 4 + 8 * 16);
});

test('bytes that are no message are an invalid fault and nothing else', () => {
  fc.assert(
    fc.property(
      message,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
      fc.nat(),
      (original, edits, cut) => {
        const bytes = Buffer.from(encodeMessage(original));
        for (const [at, value] of edits) bytes[at % bytes.length] = value;
        onlyFaults(() =>
          decodeMessage(bytes.subarray(0, bytes.length - (cut % 4 === 0 ? cut % bytes.length : 0))),
        );
      },
    ),
    { numRuns: 2_000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => onlyFaults(() => decodeMessage(bytes))),
  );
});

test('a pointer to itself, forward, or in circles is refused', () => {
  const header = '000080000001000000000000';
  for (const pointers of ['c00c', 'c00e0000', '01 61 c00c', 'c0ff']) {
    const bytes = Buffer.from(`${header}${pointers.replaceAll(' ', '')}00010001`, 'hex');
    assert.throws(() => decodeMessage(bytes), Fault, pointers);
  }
});

test('a label of 64 bytes and a name of 256 are refused', () => {
  const question = (labels: Name) => () =>
    encodeMessage({ ...blank, questions: [{ name: labels, type: 1, class: 1 }] });
  assert.throws(question(['a'.repeat(64)]), /1 to 63 bytes/);
  assert.throws(question(['']), Fault);
  const long = ['a'.repeat(63), 'b'.repeat(63), 'c'.repeat(63)];
  assert.doesNotThrow(question([...long, 'd'.repeat(61)]));
  assert.throws(question([...long, 'd'.repeat(62)]), Fault);
});

const blank: Message = {
  id: 0,
  response: true,
  opcode: 0,
  authoritative: false,
  truncated: false,
  recursionDesired: false,
  recursionAvailable: false,
  rcode: 0,
  questions: [],
  answers: [],
  authorities: [],
  additionals: [],
  edns: undefined,
};

function onlyFaults(run: () => void): void {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof Fault && error.code === 'invalid', String(error));
  }
}
