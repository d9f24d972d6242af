// Structured fuzzing of the codec: `node fuzz.ts [--executions N] [--seed N]`. Ends with 1 and the input when something does not hold.
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';
import { BodyReader } from '../http1/body-reader.ts';
import { chunkedBody } from '../http1/framing.ts';
import { HeadBuffer } from '../http1/head-buffer.ts';
import { maxHeadBytes, RequestReader } from '../http1/request-reader.ts';
import { ResponseReader } from '../http1/response-reader.ts';
import { requestText } from '../http2/request-text.ts';
import { trailerLines } from '../http2/trailer-lines.ts';
import { maxProxyHeaderBytes, readProxyHeader } from '../proxy-protocol/read.ts';
import { proxyHeader } from '../proxy-protocol/write.ts';
import { maxHelloWireBytes, readClientHello } from '../tls/client-hello.ts';
import { readResponse } from '../upstream/response-text.ts';
import { extension, helloBytes, recordsOf } from './hello-parts.ts';
import { requestVectors } from './request-vectors.ts';

/** Pieces that the grammar gives a meaning to. */
const dictionary: readonly string[] = [
  ...[
    '\r\n',
    '\r\n\r\n',
    '\n',
    '\r',
    '\0',
    ' ',
    '\t',
    ':',
    ';',
    ',',
    '=',
    '"',
    '\\',
    '%2e',
    '%2f',
    '%00',
    '..',
    './',
    '//',
  ],
  ...['GET ', 'POST ', 'HEAD ', ' HTTP/1.1\r\n', ' HTTP/1.0\r\n', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 304 \r\n'],
  ...[
    'Host: a.test\r\n',
    'Content-Length: 5\r\n',
    'Content-Length: 0\r\n',
    'Transfer-Encoding: chunked\r\n',
    'chunked',
  ],
  ...[
    'Connection: close\r\n',
    'Connection: upgrade\r\n',
    'Upgrade: websocket\r\n',
    'Expect: 100-continue\r\n',
    'X_Forwarded_For: 1\r\n',
  ],
  ...[
    '0\r\n\r\n',
    '5\r\nhello\r\n',
    ';a="b"',
    'ffffffff',
    '0000000000000',
    '\xff',
    '\x7f',
    'http://a.test/',
    '[::1]:80',
  ],
];

const responseSeeds: readonly string[] = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n',
  'HTTP/1.0 404 Not Found\r\n\r\nnot here',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
];

const helloSeeds: readonly string[] = [
  recordsOf(helloBytes({ serverName: 'example.test' })),
  recordsOf(helloBytes({ serverName: 'example.test' }), 20),
  recordsOf(helloBytes({ extensions: [extension(16, '\0\x03\x02h2'), extension(23, '')] }), 50),
  recordsOf(helloBytes({ extensions: undefined })),
].map((bytes) => bytes.toString('latin1'));

const [near, far] = [
  { address: '192.0.2.1', port: 443 },
  { address: '2001:db8::1', port: 65_535 },
];
const proxyHeaderSeeds: readonly string[] = (['v1', 'v2'] as const).flatMap((version) => [
  `${proxyHeader(version, near, near)}GET /`,
  `${proxyHeader(version, far, near)}GET /`,
  proxyHeader(version, undefined, undefined),
]);

/** Mutates octets; the same seed gives the same run. */
class Mutator {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  mutate(text: string, others: readonly string[]): string {
    let mutated = text;
    for (let count = this.below(4); count >= 0; count--) mutated = this.#once(mutated, others);
    return mutated.slice(0, 3 * maxHeadBytes);
  }

  #once(text: string, others: readonly string[]): string {
    const at = this.below(text.length + 1);
    switch (this.below(6)) {
      case 0:
        return text.slice(0, at) + this.pick(dictionary) + text.slice(at);
      case 1:
        return text.slice(0, at) + text.slice(at + 1 + this.below(8));
      case 2:
        return text.slice(0, at) + String.fromCharCode(this.below(256)) + text.slice(at + 1);
      case 3: {
        const span = text.slice(at, at + this.below(40));
        return text.slice(0, at) + span.repeat(1 + this.below(3)) + text.slice(at);
      }
      case 4:
        return text.slice(0, at) + this.pick(others).slice(this.below(60));
      default:
        return text.slice(0, at);
    }
  }
}

/** Fields of HTTP/2, names and values in turn, each ended by this. */
const fieldEnd = '\x01';
const fieldSeeds: readonly string[] = [
  [
    ':method',
    'GET',
    ':scheme',
    'https',
    ':authority',
    'a.test',
    ':path',
    '/x?y=1',
    'cookie',
    'a=1',
    'cookie',
    'b',
  ],
  [
    ':method',
    'POST',
    ':path',
    '/',
    ':scheme',
    'http',
    ':authority',
    'a.test:80',
    'content-length',
    '5',
    'te',
    'trailers',
  ],
  [':method', 'OPTIONS', ':scheme', 'http', ':path', '*', 'host', 'a.test', 'x-request-id', 'abcdefgh'],
  [':status', '200', 'content-length', '5', 'set-cookie', 'a=1', 'set-cookie', 'b=2'],
  [':status', '204', 'grpc-status', '0', 'grpc-message', 'fine'],
].map((fields) => fields.join(fieldEnd));

const requests = new RequestReader();
const responses = new ResponseReader();

function checkRequest(bytes: Buffer, cut: number): void {
  const whole = requests.read(bytes, 0, bytes.length);
  if (whole?.type === 'request') {
    assert.ok(requests.end <= bytes.length && requests.end <= maxHeadBytes);
    assert.ok(!/[\0\n]|\r(?!\n)/.test(whole.lines.replaceAll('\r\n', '')), 'no line break inside a line');
    assert.ok(/^(?:\/[!-~]*|\*)$/.test(whole.path) && !/\/\.\.?(?:\/|$)/.test(whole.path), whole.path);
    const again = Buffer.from(
      `${whole.method} ${whole.path}${whole.query} HTTP/1.1\r\nHost: ${whole.authority.text}\r\n${whole.lines}\r\n`,
      'latin1',
    );
    const second = again.length > maxHeadBytes ? undefined : requests.read(again, 0, again.length);
    // A Host that we add may be one field too many.
    const tooMany = second?.type === 'refusal' && second.code === 'too-many-fields';
    if (again.length <= maxHeadBytes && !tooMany) {
      assert.equal(second?.type, 'request');
      if (second?.type === 'request')
        assert.deepEqual([second.path, second.lines], [whole.path, whole.lines]);
    }
  }
  const held = new HeadBuffer();
  for (const [start, end] of [
    [0, cut],
    [cut, bytes.length],
  ] as const) {
    const taken = held.take(bytes, start, end);
    if (typeof taken !== 'number') {
      assert.notEqual(whole?.type, 'request', 'refused in pieces, taken whole');
      return;
    }
    if (held.complete) break;
  }
  if (!held.complete) return;
  const pieces = requests.read(held.bytes, 0, held.length);
  assert.equal(pieces?.type === 'request', whole?.type === 'request');
}

function checkResponse(bytes: Buffer, cut: number, method: string): void {
  const early = responses.read(bytes, 0, cut, method);
  const whole = responses.read(bytes, 0, bytes.length, method);
  if (early?.type === 'response') assert.deepEqual(whole, early);
  if (early?.type === 'refusal') assert.equal(whole?.type, 'refusal');
}

/** What was decided of a part stays decided, and nothing stays undecided for ever. */
function checkClientHello(bytes: Buffer, cut: number): void {
  const early = readClientHello(bytes, cut);
  const whole = readClientHello(bytes, bytes.length);
  if (early !== undefined) assert.deepEqual(whole, early);
  if (bytes.length > maxHelloWireBytes) assert.notEqual(whole, undefined);
  if (whole?.type === 'hello') assert.match(whole.serverName, /^[a-z0-9_.-]{0,253}$/);
}

function checkProxyHeader(bytes: Buffer, cut: number): void {
  const early = readProxyHeader(bytes, cut);
  const whole = readProxyHeader(bytes, bytes.length);
  if (early !== undefined) assert.deepEqual(whole, early);
  if (bytes.length > maxProxyHeaderBytes) assert.notEqual(whole, undefined);
  if (whole?.type !== 'header') return;
  assert.ok(whole.length <= bytes.length);
  const { source, destination } = whole;
  assert.equal(source === undefined, destination === undefined);
  if (source === undefined) return;
  const written = Buffer.from(proxyHeader('v2', source, destination), 'latin1');
  const again = readProxyHeader(written, written.length);
  assert.deepEqual(again, { ...whole, length: written.length });
}

function checkFields(fields: readonly string[], whole: boolean): void {
  const text = requestText(fields, whole);
  if (typeof text === 'string') {
    assert.match(
      text,
      /^[^\s]+ [/*][^ \r\n]* HTTP\/1\.1\r\nhost: [^\r\n]*\r\n(?:[!#$%&'*+.^_`|~0-9a-z-]+: [^\0\r\n]*\r\n)*\r\n$/,
    );
    const bytes = Buffer.from(text, 'latin1');
    const head = requests.read(bytes, 0, bytes.length);
    assert.ok(head !== undefined, 'a head is whole, or refused');
    if (head.type === 'request') {
      assert.equal(requests.end, bytes.length);
      assert.equal(head.body === 0 || !whole, true, 'a request without body has none');
      assert.ok(!/(?:^|\n)(?:connection|transfer-encoding|content-length|host):/i.test(head.lines));
    }
  }
  const response = readResponse(responses, fields, 'GET', whole);
  if (response.type === 'response') assert.ok(!/[\0\n]|\r(?!\n)/.test(response.lines.replaceAll('\r\n', '')));
  assert.match(trailerLines(fields) ?? '', /^(?:[^\0\r\n]*: [^\0\r\n]*\r\n)*$/);
}

function decode(bytes: Buffer, cuts: readonly number[]): string {
  const reader = new BodyReader();
  reader.begin(chunkedBody);
  let data = '';
  let start = 0;
  for (const end of [...cuts, bytes.length]) {
    while (start < end && reader.state !== 'done' && reader.state !== 'refused') {
      start = reader.next(bytes, start, end);
      data += bytes.toString('latin1', reader.dataStart, reader.dataEnd);
    }
  }
  return `${reader.state} ${reader.trailerLines} ${data}`;
}

/** Throws with the input when something does not hold. */
export function fuzz(executions: number, seed: number): void {
  const mutator = new Mutator(seed);
  const heads = requestVectors.map((vector) => vector.sent);
  const bodies = heads
    .filter((text) => text.includes('chunked\r\n\r\n'))
    .map((text) => text.split('\r\n\r\n').slice(1).join('\r\n\r\n'));
  for (let execution = 0; execution < executions; execution++) {
    const kind = execution % 6;
    const seeds = [heads, responseSeeds, bodies, helloSeeds, proxyHeaderSeeds, fieldSeeds][kind] ?? heads;
    const text = mutator.mutate(mutator.pick(seeds), seeds);
    const bytes = Buffer.from(text, 'latin1');
    const cut = mutator.below(bytes.length + 1);
    try {
      if (kind === 0) checkRequest(bytes, cut);
      else if (kind === 1) checkResponse(bytes, cut, mutator.pick(['GET', 'HEAD']));
      else if (kind === 2) assert.equal(decode(bytes, [cut]), decode(bytes, []));
      else if (kind === 3) checkClientHello(bytes, cut);
      else if (kind === 4) checkProxyHeader(bytes, cut);
      else checkFields(text.split(fieldEnd), cut % 2 === 0);
    } catch (cause) {
      throw new Error(`execution ${execution} of seed ${seed}, cut at ${cut}: ${JSON.stringify(text)}`, {
        cause,
      });
    }
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { executions: { type: 'string' }, seed: { type: 'string' } } });
  const executions = Number(values.executions ?? 1_000_000);
  const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
  const startMs = performance.now();
  fuzz(executions, seed);
  const seconds = (performance.now() - startMs) / 1_000;
  const megabytes = process.memoryUsage().rss / 1_048_576;
  console.log(
    `${executions} executions of seed ${seed} in ${seconds.toFixed(1)} s, ${megabytes.toFixed(0)} MB: all held`,
  );
}
