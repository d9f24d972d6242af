import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HttpResponse, maxHeadBytes } from './http-response.ts';

function read(pieces: readonly (string | Buffer)[], method = 'GET'): HttpResponse {
  const response = new HttpResponse(method);
  for (const piece of pieces) {
    if (response.ended || response.defect !== undefined) break;
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
    response.push(bytes, bytes.length);
  }
  return response;
}

const plain = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello';

test('a plain answer is read to its end', () => {
  const response = read([plain]);
  assert.equal(response.status, 200);
  assert.equal(response.statusText, '200 OK');
  assert.equal(response.body(), 'hello');
  assert.ok(response.ended);
});

const answers: readonly [string, string, string][] = [
  ['with a length', plain, 'hello'],
  [
    'in chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nA: b\r\n\r\n',
    'hello',
  ],
  [
    'after informational answers',
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n${plain}`,
    'hello',
  ],
  ['with bare line feeds', 'HTTP/1.0 200 OK\nContent-Length: 5\n\nhello', 'hello'],
  ['in UTF-8', 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhéllo', 'héllo'],
  ['with more than the length says', `${plain}garbage`, 'hello'],
];

for (const [name, wire, body] of answers) {
  test(`an answer ${name} reads the same however it is cut into pieces`, () => {
    const bytes = Buffer.from(wire);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 20 }), (cuts) => {
        const sorted = [0, ...cuts.toSorted((left, right) => left - right), bytes.length];
        const pieces = sorted.slice(1).map((cut, index) => bytes.subarray(sorted[index], cut));
        const response = read(pieces);
        assert.equal(response.status, 200);
        assert.equal(response.body(), body);
        assert.ok(response.ended);
      }),
    );
    assert.equal(read([...bytes].map((byte) => Buffer.from([byte]))).body(), body);
  });
}

test('an answer without a length goes on until the connection ends', () => {
  const response = read(['HTTP/1.1 200 OK\r\n\r\nab', 'cd']);
  assert.equal(response.body(), 'abcd');
  assert.equal(response.ended, false);
});

test('a status without a reason is kept as it is', () => {
  assert.equal(read(['HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n']).statusText, '503');
  assert.equal(read(['HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n']).statusText, '503');
});

for (const [name, method, head] of [
  ['to HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n'],
  ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
  ['304', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n'],
] as const) {
  test(`an answer ${name} has no body to wait for`, () => assert.ok(read([head], method).ended));
}

test('reading stops when enough of a body was read', () => {
  const response = read(['HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n', 'x'.repeat(5_000)]);
  assert.ok(response.ended);
  assert.equal(response.body().length, 4_096);
});

for (const [name, wire] of [
  ['of another protocol', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['that is HTTP/2', 'HTTP/2 200 OK\r\n\r\n'],
  ['with no number', 'HTTP/1.1 OK\r\n\r\n'],
  ['of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
  ['with a head without end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(maxHeadBytes)}`],
  ['with too long a head', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(maxHeadBytes)}\r\n\r\n`],
] as const) {
  test(`an answer ${name} is a defect`, () => assert.notEqual(read([wire]).defect, undefined));
}

test('informational answers without end are a defect', () => {
  assert.match(read(['HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100)]).defect ?? '', /informational/);
});

test('a head sent byte by byte without end is a defect long before the limit of bytes', () => {
  const response = read(new Array<string>(2_000).fill('H').map((_, index) => 'HTTP/1.1 '[index] ?? '1'));
  assert.notEqual(response.defect, undefined);
});

test('a broken chunk ends the reading and keeps what came', () => {
  const response = read(['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\nzz\r\n']);
  assert.equal(response.status, 200);
  assert.equal(response.body(), 'he');
  assert.ok(response.ended);
});

test('no input makes the reader throw', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 }),
      fc.boolean(),
      (pieces, prefixed) => {
        const start = prefixed ? ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'] : [];
        read([...start, ...pieces.map((piece) => Buffer.from(piece))]).body();
      },
    ),
  );
});
