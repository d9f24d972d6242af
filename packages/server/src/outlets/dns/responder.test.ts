import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labelsFrom } from '@portolan/core/base/labels.ts';
import type { CatalogRecord } from '@portolan/core/catalog/records.ts';
import fc from 'fast-check';
import { AnswerCache } from './answer-cache.ts';
import { type DnsConfig, dnsConfig } from './config.ts';
import { directoryOf, instanceRecord, nodeRecord } from './dns.fixture.ts';
import { type Message, type Resource, rcode, typeCode } from './message.ts';
import { decodeMessage } from './reader.ts';
import { outside, Responder, silence, type Transport } from './responder.ts';
import { encodeMessage } from './writer.ts';
import { createZone } from './zone.ts';

const n1 = nodeRecord('n1', '10.0.0.1', { metadata: labelsFrom({ text: 'x'.repeat(2_000) }) });
/** `count` instances of `service`, each with an address of its own. */
const many = (service: string, count: number) =>
  Array.from({ length: count }, (_, index) =>
    instanceRecord(service, 'n1', `${service}-${index}`, { address: `10.1.${index >> 8}.${index & 0xff}` }),
  );

interface Options {
  settings?: Partial<DnsConfig>;
  isTooStale?: () => boolean;
}

function responder(records: readonly CatalogRecord[], options: Options = {}) {
  const config = dnsConfig(options.settings);
  const subject = new Responder({
    directory: directoryOf(...records),
    zone: createZone(config, 'dc1', '127.0.0.1'),
    cache: new AnswerCache(),
    config,
    random: Math.random,
    isTooStale: options.isTooStale ?? (() => false),
  });
  const out = Buffer.alloc(65_535);
  const raw = (packet: Buffer, transport: Transport = 'udp'): Buffer | number => {
    const length = subject.respond(packet, transport, out);
    return length > 0 ? Buffer.from(out.subarray(0, length)) : length;
  };
  const ask = (
    name: string,
    type: number,
    extra: Partial<Message> = {},
    transport: Transport = 'udp',
  ): Message => {
    const response = raw(queryOf(name, type, extra), transport);
    assert.ok(typeof response !== 'number', `no response but ${response}`);
    return decodeMessage(response);
  };
  return { raw, ask };
}

function queryOf(name: string, type: number, extra: Partial<Message> = {}): Buffer {
  return encodeMessage({
    id: 4711,
    response: false,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    rcode: 0,
    questions: [{ name: name.split('.'), type, class: 1 }],
    answers: [],
    authorities: [],
    additionals: [],
    edns: undefined,
    ...extra,
  });
}

const edns = (udpBytes: number) => ({ edns: { udpBytes, version: 0, dnssecOk: false } });
const addresses = (records: readonly Resource[]) =>
  records.map((record) => (record.type === 'A' ? record.address : record.type));

test('the response has the id, the flags and the question exactly as asked', () => {
  const { ask } = responder([n1, ...many('web', 1)]);
  for (const recursionDesired of [true, false]) {
    const response = ask('wEb.SERVICE.consul', typeCode.A, { id: 0xbeef, recursionDesired });
    assert.equal(response.id, 0xbeef);
    assert.deepEqual(response.questions, [{ name: ['wEb', 'SERVICE', 'consul'], type: 1, class: 1 }]);
    assert.deepEqual(response.answers[0]?.name, ['wEb', 'SERVICE', 'consul']);
    const { response: isResponse, authoritative, truncated, recursionAvailable } = response;
    assert.deepEqual(
      { isResponse, authoritative, truncated, recursionAvailable },
      {
        isResponse: true,
        authoritative: true,
        truncated: false,
        recursionAvailable: false,
      },
    );
    assert.equal(response.recursionDesired, recursionDesired);
    assert.equal(response.edns, undefined);
  }
});

test('SRV brings the addresses of its targets, each once, under the right name', () => {
  const { ask } = responder([
    n1,
    ...many('web', 3),
    instanceRecord('web', 'n1', 'a'),
    instanceRecord('web', 'n1', 'b', { port: 81 }),
  ]);
  for (let round = 0; round < 20; round++) {
    const { answers, additionals } = ask('web.service.consul', typeCode.SRV);
    assert.equal(answers.length, 5);
    const targets = answers.map((record) => (record.type === 'SRV' ? record.target.join('.') : ''));
    assert.deepEqual(additionals.map((record) => record.name.join('.')).sort(), [...new Set(targets)].sort());
    for (const record of additionals) {
      const name = record.name.join('.');
      const [label = ''] = record.name;
      const expected = name === 'n1.node.dc1.consul' ? '10.0.0.1' : Buffer.from(label, 'hex').join('.');
      assert.equal(record.type === 'A' && record.address, expected);
    }
  }
});

test('each answer comes first about as often as any other', () => {
  const { ask } = responder([n1, ...many('web', 4)]);
  const first = new Map<string, number>();
  for (let round = 0; round < 4_000; round++) {
    const [address = ''] = addresses(ask('web.service.consul', typeCode.A).answers);
    first.set(address, (first.get(address) ?? 0) + 1);
  }
  assert.equal(first.size, 4);
  // 1,000 expected; six standard deviations are 164.
  for (const count of first.values()) assert.ok(count > 836 && count < 1_164, String([...first]));
});

test('what does not fit is cut at a record, with TC: 512 bytes, the size of EDNS, 1232 at most; TCP gives all', () => {
  const { raw, ask } = responder([n1, ...many('big', 200)]);
  const sizes: [Partial<Message>, number][] = [
    [{}, 512],
    [edns(100), 512],
    [edns(800), 800],
    [edns(65_000), 1_232],
  ];
  for (const [extra, maxBytes] of sizes) {
    for (const type of [typeCode.A, typeCode.SRV]) {
      const bytes = raw(queryOf('big.service.consul', type, extra));
      assert.ok(typeof bytes !== 'number' && bytes.length <= maxBytes);
      const { truncated, answers, additionals } = decodeMessage(bytes);
      assert.equal(truncated, true);
      assert.ok(answers.length >= 8 && answers.length < 200);
      assert.deepEqual(additionals, []);
    }
  }
  const whole = ask('big.service.consul', typeCode.A, {}, 'tcp');
  assert.equal(whole.truncated, false);
  assert.equal(new Set(addresses(whole.answers)).size, 200);
  const located = ask('big.service.consul', typeCode.SRV, {}, 'tcp');
  assert.equal(located.answers.length, 200);
  assert.equal(located.additionals.length, 200);
});

test('a TCP answer past the reach of pointers leaves additional addresses out, never points wrongly', () => {
  const { ask } = responder([n1, ...many('huge', 1_000)]);
  const { answers, additionals, truncated } = ask('huge.service.consul', typeCode.SRV, {}, 'tcp');
  assert.equal(truncated, false);
  assert.equal(answers.length, 1_000);
  assert.ok(additionals.length > 100 && additionals.length < 1_000);
  for (const record of additionals) {
    assert.equal(record.type === 'A' && record.address, Buffer.from(record.name[0] ?? '', 'hex').join('.'));
  }
});

test('what does not fit 64 KB is left out by TCP, without TC, each time other records', () => {
  const { ask } = responder([n1, ...many('vast', 5_000)]);
  const seen = new Set<unknown>();
  for (let round = 0; round < 40; round++) {
    const { answers, truncated } = ask('vast.service.consul', typeCode.SRV, edns(1_232), 'tcp');
    assert.equal(truncated, false);
    assert.ok(answers.length > 1_000 && answers.length < 2_000);
    for (const record of answers) if (record.type === 'SRV') seen.add(record.target[0]);
  }
  assert.equal(seen.size, 5_000);
});

test('additional records that do not fit are left out without TC', () => {
  const { ask } = responder([n1, ...many('web', 8)]);
  const { truncated, answers, additionals } = ask('web.service.consul', typeCode.SRV);
  assert.equal(truncated, false);
  assert.equal(answers.length, 8);
  assert.ok(additionals.length < 8);
});

test('metadata of nodes comes along where that is wanted', () => {
  const small = nodeRecord('n2', '10.0.0.2', { metadata: labelsFrom({ env: 'prod' }) });
  const { ask } = responder([small], { settings: { nodeMetadataAdditional: true } });
  const [text] = ask('n2.node.consul', typeCode.A).additionals;
  assert.deepEqual(text?.type === 'TXT' && text.strings, ['env=prod']);
  assert.deepEqual(ask('n2.node.consul', typeCode.AAAA).additionals, []);
});

test('limits of answers cut without TC, each time others', () => {
  const settings = { addressLimit: 2, plainUdpAnswerLimit: 3 };
  const { ask } = responder([n1, ...many('web', 8)], { settings });
  const seen = new Set<unknown>();
  for (let round = 0; round < 200; round++) {
    const { answers, truncated } = ask('web.service.consul', typeCode.A, edns(1_232));
    assert.deepEqual([answers.length, truncated], [2, false]);
    for (const address of addresses(answers)) seen.add(address);
  }
  assert.equal(seen.size, 8);
  assert.equal(ask('web.service.consul', typeCode.SRV).answers.length, 3);
  assert.equal(ask('web.service.consul', typeCode.SRV, edns(1_232)).answers.length, 8);
});

test('EDNS is answered with EDNS and our size; a version that we do not speak with BADVERS', () => {
  const { ask } = responder([n1]);
  assert.deepEqual(ask('n1.node.consul', typeCode.A, edns(4_096)).edns, {
    udpBytes: 1_232,
    version: 0,
    dnssecOk: false,
  });
  const newer = ask('n1.node.consul', typeCode.A, { edns: { udpBytes: 1_232, version: 1, dnssecOk: false } });
  assert.equal(newer.rcode, rcode.badVersion);
  assert.equal(newer.edns?.version, 0);
});

test('unknown names and absent types come with the SOA', () => {
  const { ask } = responder([n1]);
  const unknown = ask('x.service.consul', typeCode.A);
  assert.equal(unknown.rcode, rcode.nameError);
  const absent = ask('n1.node.consul', typeCode.AAAA);
  assert.equal(absent.rcode, rcode.noError);
  for (const { answers, authorities, authoritative } of [unknown, absent]) {
    assert.deepEqual(answers, []);
    assert.equal(authorities[0]?.type, 'SOA');
    assert.deepEqual(authorities[0]?.name, ['consul']);
    assert.equal(authoritative, true);
  }
});

test('ANY by UDP is sent to TCP, so nothing grows; by TCP it is answered', () => {
  const { raw, ask } = responder([n1, ...many('web', 3)]);
  for (const name of ['web.service.consul', 'n1.node.consul', 'consul', 'x.consul']) {
    for (const extra of [{}, edns(4_096)]) {
      const query = queryOf(name, typeCode.ANY, extra);
      const response = raw(query);
      assert.ok(typeof response !== 'number' && response.length <= query.length, name);
      assert.equal(decodeMessage(response).truncated, true);
    }
  }
  assert.equal(ask('web.service.consul', typeCode.ANY, {}, 'tcp').answers.length, 3);
});

test('foreign zones are outside; other classes, transfers and opcodes are refused', () => {
  const { raw, ask } = responder([n1]);
  assert.equal(raw(queryOf('example.com', typeCode.A)), outside);
  assert.equal(raw(queryOf('example.com', typeCode.ANY)), outside);
  assert.equal(raw(queryOf('n1.node.consul', typeCode.A, { response: true })), silence);
  const chaos = { questions: [{ name: ['version', 'bind'], type: typeCode.TXT, class: 3 }] };
  assert.equal(ask('', 0, chaos).rcode, rcode.refused);
  assert.equal(ask('consul', typeCode.AXFR, {}, 'tcp').rcode, rcode.refused);
  assert.equal(ask('consul', typeCode.A, { opcode: 5 }).rcode, rcode.notImplemented);
  const none = raw(queryOf('consul', typeCode.A, { questions: [] }));
  assert.ok(typeof none !== 'number');
  assert.equal(decodeMessage(none).rcode, rcode.formatError);
});

test('a large text goes by TCP', () => {
  const { ask } = responder([n1]);
  const cut = ask('n1.node.consul', typeCode.TXT, edns(1_232));
  assert.deepEqual([cut.truncated, cut.answers.length], [true, 0]);
  const [whole] = ask('n1.node.consul', typeCode.TXT, {}, 'tcp').answers;
  assert.equal(whole?.type === 'TXT' && whole.strings.join('').length, 'text='.length + 2_000);
});

test('when the catalog is too old, nothing is told from it', () => {
  const { ask } = responder([n1], { isTooStale: () => true });
  assert.equal(ask('n1.node.consul', typeCode.A).rcode, rcode.serverFailure);
});

test('no packet makes the responder throw, and every response is a message that fits', () => {
  const { raw } = responder([n1, ...many('web', 40)]);
  const names = fc.constantFrom(
    'web.service.consul',
    'n1.node.consul',
    'consul',
    '1.0.0.10.in-addr.arpa',
    'a.b.c',
  );
  const types = fc.constantFrom(...Object.values(typeCode));
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
  fc.assert(
    fc.property(names, types, fc.boolean(), edits, (name, type, speaksEdns, changes) => {
      const packet = queryOf(name, type, speaksEdns ? edns(1_232) : {});
      for (const [at, value] of changes) packet[at % packet.length] = value;
      for (const transport of ['udp', 'tcp'] as const) {
        const response = raw(packet, transport);
        if (typeof response === 'number') continue;
        assert.ok(response.length <= (transport === 'udp' ? 1_232 : 65_535));
        const { id } = decodeMessage(response);
        assert.equal(id, packet.readUInt16BE(0));
      }
    }),
    { numRuns: 3_000 },
  );
});
