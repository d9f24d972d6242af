import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { crc32c, maxProxyHeaderBytes, readProxyHeader } from './read.ts';
import { proxyHeader } from './write.ts';

const signature = '\r\n\r\n\0\r\nQUIT\n';
const ipv4Addresses = '\xc0\0\x02\x01\xcb\0\x71\x05\x30\x39\x01\xbb';

function read(text: string) {
  const bytes = Buffer.from(text, 'latin1');
  return readProxyHeader(bytes, bytes.length);
}

function v2(command: number, family: number, rest: string, length = rest.length): string {
  return `${signature}${String.fromCharCode(command, family, length >> 8, length & 255)}${rest}`;
}

function tlv(type: number, value: string): string {
  return `${String.fromCharCode(type, value.length >> 8, value.length & 255)}${value}`;
}

function withChecksum(wrongBy: number): string {
  const text = v2(0x21, 0x11, ipv4Addresses + tlv(4, 'padding') + tlv(3, '\0\0\0\0'));
  const bytes = Buffer.from(text, 'latin1');
  bytes.writeUInt32BE((crc32c(bytes) + wrongBy) >>> 0, bytes.length - 4);
  return bytes.toString('latin1');
}

const accepted: readonly (readonly [string, string, string | undefined])[] = [
  ['v1, IPv4', 'PROXY TCP4 192.0.2.1 203.0.113.5 12345 443\r\n', '192.0.2.1 12345 203.0.113.5 443'],
  ['v1, IPv6', 'PROXY TCP6 2001:db8::1 ::1 1 65535\r\n', '2001:db8::1 1 ::1 65535'],
  [
    'v1, another form of an address',
    'PROXY TCP6 2001:DB8:0:0::01 ::ffff:a00:1 1 2\r\n',
    '2001:db8::1 1 10.0.0.1 2',
  ],
  ['v1, UNKNOWN', 'PROXY UNKNOWN\r\n', undefined],
  ['v1, UNKNOWN with the longest line', `PROXY UNKNOWN ${'f'.repeat(91)}\r\n`, undefined],
  ['v2, IPv4', v2(0x21, 0x11, ipv4Addresses), '192.0.2.1 12345 203.0.113.5 443'],
  [
    'v2, IPv6',
    v2(0x21, 0x21, `\x20\x01\x0d\xb8${'\0'.repeat(11)}\x01${'\0'.repeat(15)}\x01\0\x50\0\x51`),
    '2001:db8::1 80 ::1 81',
  ],
  [
    'v2, IPv4 mapped into IPv6',
    v2(0x21, 0x21, `${`${'\0'.repeat(10)}\xff\xff\x0a\0\0\x01`.repeat(2)}\0\x50\0\x51`),
    '10.0.0.1 80 10.0.0.1 81',
  ],
  ['v2, LOCAL', v2(0x20, 0x00, ''), undefined],
  ['v2, LOCAL with addresses, which say nothing', v2(0x20, 0x11, ipv4Addresses), undefined],
  ['v2, LOCAL with octets that nobody understands', v2(0x20, 0x00, '\x01\x02'), undefined],
  ['v2, AF_UNSPEC', v2(0x21, 0x00, ''), undefined],
  ['v2, a UNIX socket', v2(0x21, 0x31, '\0'.repeat(216)), undefined],
  [
    'v2, TLVs',
    v2(0x21, 0x11, ipv4Addresses + tlv(1, 'h2') + tlv(0x20, '')),
    '192.0.2.1 12345 203.0.113.5 443',
  ],
  ['v2, the right checksum', withChecksum(0), '192.0.2.1 12345 203.0.113.5 443'],
];

for (const [name, text, addresses] of accepted) {
  test(`PROXY protocol ${name}: read, and nothing after it`, () => {
    const header = read(`${text}GET /`);
    assert.ok(header?.type === 'header');
    assert.equal(header.length, text.length);
    const { source, destination } = header;
    const told =
      source && destination && `${source.address} ${source.port} ${destination.address} ${destination.port}`;
    assert.equal(told, addresses);
    for (let length = 0; length < text.length; length++) {
      assert.equal(read(text.slice(0, length)), undefined, `whole after ${length} of ${text.length}`);
    }
  });
}

const refused: readonly (readonly [string, string])[] = [
  ['nothing of it: HTTP', 'GET / HTTP/1.1\r\n'],
  ['nothing of it: TLS', '\x16\x03\x01'],
  ['lower case', 'proxy tcp4 '],
  ['a line feed alone', `PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n${' '.repeat(80)}`],
  ['a line that does not end', `PROXY TCP4 ${'1'.repeat(100)}`],
  ['UNKNOWN that does not end', `PROXY UNKNOWN ${'1'.repeat(100)}`],
  ['an unknown family', 'PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n'],
  ['a family that the addresses are not of', 'PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n'],
  ['a name', 'PROXY TCP4 localhost 192.0.2.2 1 2\r\n'],
  ['a short form', 'PROXY TCP4 127.1 192.0.2.2 1 2\r\n'],
  ['a zone', 'PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n'],
  ['a port of 65536', 'PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n'],
  ['a port with a leading zero', 'PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n'],
  ['a negative port', 'PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n'],
  ['two spaces', 'PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n'],
  ['a word too many', 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n'],
  ['a word too few', 'PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n'],
  ['a wrong octet in the signature', `${signature.slice(0, 11)}\r`],
  ['version 1 in binary', `${signature}\x11`],
  ['an unknown command', `${signature}\x22`],
  ['an unknown family', v2(0x21, 0x41, ipv4Addresses)],
  ['an unknown transport', v2(0x21, 0x13, ipv4Addresses)],
  ['addresses that are cut off', v2(0x21, 0x11, ipv4Addresses.slice(1))],
  ['IPv4 addresses for IPv6', v2(0x21, 0x21, ipv4Addresses)],
  ['a length over the limit', v2(0x21, 0x11, '', maxProxyHeaderBytes)],
  ['a TLV that passes the end', v2(0x21, 0x11, `${ipv4Addresses}\x01\0\x05h2`)],
  ['half a TLV', v2(0x21, 0x11, `${ipv4Addresses}\x01\0`)],
  ['a checksum of two octets', v2(0x21, 0x11, ipv4Addresses + tlv(3, '\0\0'))],
  ['a wrong checksum', withChecksum(1)],
];

for (const [name, text] of refused) {
  test(`PROXY protocol refuses ${name}: ${JSON.stringify(text.slice(0, 40))}`, () => {
    assert.equal(read(text)?.type, 'refusal');
  });
}

const port = fc.integer({ min: 0, max: 65_535 });
const end = (address: fc.Arbitrary<string>) => fc.record({ address, port });

test('a PROXY protocol header that is written is read as it was meant', () => {
  const version = fc.constantFrom('v1' as const, 'v2' as const);
  const family = fc.constantFrom(
    fc.ipV4(),
    fc.ipV6().filter((address) => !address.includes('.')),
  );
  const ends = family.chain((address) => fc.tuple(end(address), end(address)));
  fc.assert(
    fc.property(version, ends, (written, [source, destination]) => {
      const text = proxyHeader(written, source, destination);
      const header = read(`${text}more`);
      assert.ok(header?.type === 'header', JSON.stringify(text));
      assert.equal(header.length, text.length);
      assert.equal(header.source?.port, source.port);
      assert.equal(header.destination?.port, destination.port);
      const again = proxyHeader('v2', header.source, header.destination);
      assert.equal(again, proxyHeader('v2', source, destination));
    }),
  );
});

test('without addresses the header says so, and mixed families are told in one', () => {
  assert.equal(proxyHeader('v1', undefined, undefined), 'PROXY UNKNOWN\r\n');
  assert.equal(proxyHeader('v2', undefined, undefined), v2(0x20, 0, ''));
  const source = { address: '10.0.0.1', port: 1 };
  const mixed = proxyHeader('v1', source, { address: '::1', port: 2 });
  assert.equal(mixed, 'PROXY TCP6 ::ffff:10.0.0.1 ::1 1 2\r\n');
  const named = proxyHeader('v1', source, { address: 'localhost', port: 2 });
  assert.equal(named, 'PROXY UNKNOWN\r\n');
});

test('CRC-32C has the check value of RFC 9260', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
});
