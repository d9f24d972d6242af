import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fuzz } from '../testdata/fuzz.ts';
import { requestVectors } from '../testdata/request-vectors.ts';
import type { Wire } from '../wire.ts';
import { BodyReader } from './body-reader.ts';
import { BodyWriter } from './body-writer.ts';
import { chunkedBody } from './framing.ts';
import { HeadBuffer } from './head-buffer.ts';
import type { Refusal } from './refusal.ts';
import type { RequestHead } from './request-head.ts';
import { RequestReader } from './request-reader.ts';
import { ResponseReader } from './response-reader.ts';

const hostile = requestVectors.map((vector) => vector.sent);
/** Octets that matter to the grammar, and a few that do not. */
const octets = fc
  .array(fc.constantFrom(...'\r\n \t:;,=%./\\*#?"\0\x7f\xffabcGHI019-'), { maxLength: 60 })
  .map((list) => list.join(''));
const hostileText = fc.oneof(
  fc.constantFrom(...hostile),
  octets,
  fc
    .tuple(fc.constantFrom(...hostile), fc.nat(400), fc.nat(8), octets)
    .map(([text, at, cut, more]) => text.slice(0, at) + more + text.slice(at + cut)),
);

/** Reads a head that lies in one piece. */
function readWhole(text: string): RequestHead | Refusal | undefined {
  const bytes = Buffer.from(text, 'latin1');
  return new RequestReader().read(bytes, 0, bytes.length);
}

/** Reads a head that comes in pieces, as a connection does. */
function readPieces(pieces: readonly string[]): RequestHead | Refusal | undefined {
  const held = new HeadBuffer();
  for (const piece of pieces) {
    const bytes = Buffer.from(piece, 'latin1');
    const taken = held.take(bytes, 0, bytes.length);
    if (typeof taken !== 'number') return taken;
    if (held.complete) return new RequestReader().read(held.bytes, 0, held.length);
  }
  return undefined;
}

function cutAt(text: string, cuts: readonly number[]): string[] {
  const at = [0, ...cuts.map((cut) => cut % (text.length + 1)), text.length].sort((a, b) => a - b);
  return at.slice(1).map((end, index) => text.slice(at[index], end));
}

test('a head reads the same whole and in any pieces, and what is refused in one way is never taken in the other', () => {
  fc.assert(
    fc.property(hostileText, fc.array(fc.nat(20_000), { maxLength: 8 }), (text, cuts) => {
      const whole = readWhole(text);
      const pieces = readPieces(cutAt(text, cuts));
      if (whole?.type === 'request') assert.deepEqual(pieces, whole);
      if (pieces?.type === 'request') assert.deepEqual(whole, pieces);
    }),
    { numRuns: 3_000 },
  );
});

test('a head that was taken is rendered into one that reads as the same', () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      const head = readWhole(text);
      if (head?.type !== 'request') return;
      const rendered = `${head.method} ${head.path}${head.query} HTTP/1.1\r\nHost: ${head.authority.text}\r\n${head.lines}\r\n`;
      const again = readWhole(rendered);
      assert.equal(again?.type, 'request', rendered);
      if (again?.type !== 'request') return;
      assert.deepEqual(
        [again.method, again.path, again.query, again.authority.text, again.lines],
        [head.method, head.path, head.query, head.authority.text, head.lines],
      );
    }),
    { numRuns: 3_000 },
  );
});

test('no response head throws, and one in pieces is never taken when the whole is refused', () => {
  const parts = fc.array(
    fc.constantFrom(
      ...[
        'HTTP/1.1 200 OK\r\n',
        'HTTP/1.0 404 \r\n',
        'HTTP/1.1 204\r\n',
        'HTTP/1.1 99 X\r\n',
        'Content-Length: 3\r\n',
      ],
      ...[
        'Transfer-Encoding: chunked\r\n',
        'Connection: close\r\n',
        'X : y\r\n',
        ' fold\r\n',
        '\r\n',
        '\n',
        'Keep-Alive: timeout=5\r\n',
      ],
    ),
    { maxLength: 7 },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        parts.map((list) => list.join('')),
        octets,
      ),
      fc.nat(200),
      (text, cut) => {
        const bytes = Buffer.from(text, 'latin1');
        const whole = new ResponseReader().read(bytes, 0, bytes.length, 'GET');
        const early = new ResponseReader().read(bytes, 0, Math.min(cut, bytes.length), 'GET');
        if (early?.type === 'response') assert.deepEqual(whole, early);
        if (early?.type === 'refusal') assert.equal(whole?.type, 'refusal');
      },
    ),
    { numRuns: 3_000 },
  );
});

const chunkedText = fc.oneof(
  fc
    .array(fc.string({ minLength: 1, maxLength: 40 }), { maxLength: 6 })
    .map((chunks) => `${chunks.map((chunk) => frame(chunk)).join('')}0\r\n\r\n`),
  fc.constantFrom(
    ...hostile
      .filter((text) => text.includes('chunked\r\n'))
      .map((text) => text.slice(text.indexOf('\r\n\r\n') + 4)),
  ),
);

function frame(chunk: string): string {
  const bytes = Buffer.from(chunk, 'utf8');
  return `${bytes.length.toString(16)};ext="a"\r\n${bytes.toString('latin1')}\r\n`;
}

/** What a body decodes to when it comes in these pieces, and how it ended. */
function decode(pieces: readonly string[]): { data: string; state: string; trailer: string } {
  const { text, reader } = carry(pieces, false);
  return { data: text, state: reader.state, trailer: reader.trailerLines };
}

/** Reads a chunked body and writes it anew. */
function carry(pieces: readonly string[], chunked: boolean): { text: string; reader: BodyReader } {
  let text = '';
  const wire = {
    writeText(written: string) {
      text += written;
    },
    writeBytes(before: string, bytes: Buffer, start: number, end: number, after: string) {
      text += before + bytes.toString('latin1', start, end) + after;
    },
  } as Wire;
  const reader = new BodyReader();
  const writer = new BodyWriter();
  reader.begin(chunkedBody);
  writer.begin('', chunked);
  for (const piece of pieces) {
    const bytes = Buffer.from(piece, 'latin1');
    let at = 0;
    while (at < bytes.length && reader.state !== 'done' && reader.state !== 'refused') {
      at = reader.next(bytes, at, bytes.length);
      if (reader.dataEnd > reader.dataStart) writer.write(wire, bytes, reader.dataStart, reader.dataEnd);
    }
    if (at < bytes.length) break;
  }
  if (reader.state === 'done') writer.end(reader.trailerLines);
  writer.flush(wire);
  return { text, reader };
}

test('a chunked body decodes the same whole and in any pieces', () => {
  fc.assert(
    fc.property(chunkedText, fc.array(fc.nat(500), { maxLength: 20 }), (text, cuts) => {
      assert.deepEqual(decode(cutAt(text, cuts)), decode([text]));
    }),
    { numRuns: 3_000 },
  );
});

test('a chunked body gives back what was put in, framed anew', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1, maxLength: 40 }), { maxLength: 6 }), (chunks) => {
      const text = `${chunks.map(frame).join('')}0\r\n\r\n`;
      assert.equal(decode([text]).data, Buffer.from(chunks.join(''), 'utf8').toString('latin1'));
      const { text: encoded } = carry([text], true);
      assert.deepEqual(decode([encoded]), decode([text]));
      assert.equal(encoded.includes('ext'), chunks.join('').includes('ext'));
    }),
  );
});

test('a trailer that could frame, route or grant is dropped, others pass in small letters', () => {
  const { trailer } = decode(['0\r\nX-Sum: 1\r\nContent-Length: 5\r\nHost: b\r\nAuthorization: x\r\n\r\n']);
  assert.equal(trailer, 'x-sum: 1\r\n');
});

test('a minute of fuzzing in small: no input throws, and pieces and wholes agree', () => {
  fuzz(20_000, 42);
});
