import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { requireProgram } from '@portolan/testkit/require-program.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import {
  extension,
  type HelloParts,
  helloBytes,
  recordsOf,
  serverNameList,
  u16,
} from '../testdata/hello-parts.ts';
import { startServer } from '../testdata/plane-rig.ts';
import { maxHelloBytes, maxHelloWireBytes, readClientHello } from './client-hello.ts';

function read(bytes: Uint8Array) {
  return readClientHello(bytes, bytes.length);
}

function readParts(parts: HelloParts) {
  return read(recordsOf(helloBytes(parts)));
}

const names: readonly (readonly [string, string])[] = [
  ['example.test', 'example.test'],
  ['EXAMPLE.Test', 'example.test'],
  ['example.test.', 'example.test'],
  ['localhost', 'localhost'],
  ['_dns.example.test', '_dns.example.test'],
  ['xn--bcher-kva.test', 'xn--bcher-kva.test'],
  [`${'a'.repeat(63)}.test`, `${'a'.repeat(63)}.test`],
  ['127.0.0.1', ''],
  ['::1', ''],
];

for (const [asked, name] of names) {
  test(`a ClientHello that asks for ${asked} is read as ${JSON.stringify(name)} (RFC 6066 §3)`, () => {
    assert.deepEqual(readParts({ serverName: asked }), { type: 'hello', serverName: name });
  });
}

test('a ClientHello may have no server name, or no extensions at all (RFC 5246 §7.4.1.2)', () => {
  assert.deepEqual(readParts({ extensions: [extension(16, '\0\x03\x02h2')] }), {
    type: 'hello',
    serverName: '',
  });
  assert.deepEqual(readParts({ extensions: undefined }), { type: 'hello', serverName: '' });
});

test('a ClientHello is whole with its last octet and no earlier, however it is cut (RFC 8446 §5.1)', () => {
  const message = helloBytes({ serverName: 'example.test' });
  for (const size of [1 + Math.floor(message.length / 60), 7, 64, 16_384]) {
    const bytes = recordsOf(message, size);
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(readClientHello(bytes, length), undefined, `${length} of ${bytes.length}`);
    }
    assert.deepEqual(read(bytes), { type: 'hello', serverName: 'example.test' }, `records of ${size}`);
    assert.deepEqual(
      read(Buffer.concat([bytes, Buffer.from('anything')])),
      read(bytes),
      'what follows is not looked at',
    );
  }
});

const name = serverNameList('example.test');

const refused: readonly (readonly [string, Buffer])[] = [
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
  ['SSH', Buffer.from('SSH-2.0-OpenSSH')],
  ['an alert', Buffer.from([21, 3, 3, 0, 2, 2, 40])],
  ['SSL 2', Buffer.from([0x80, 0x2e, 1, 3, 1])],
  ['another major version', Buffer.from([22, 4, 0])],
  ['an empty record', Buffer.from([22, 3, 1, 0, 0])],
  ['a record over 2^14', Buffer.from([22, 3, 1, 0x40, 1])],
  ['a ServerHello', Buffer.from([22, 3, 1, 0, 1, 2])],
  ['a message over the limit', Buffer.from([22, 3, 1, 0, 4, 1, 0, maxHelloBytes >> 8, 0])],
  ['a message of 16 MB', Buffer.from([22, 3, 1, 0, 4, 1, 255, 255, 255])],
  ['too many records', recordsOf(helloBytes({ serverName: 'example.test' }), 1)],
  ['a body that is too short', recordsOf(Buffer.from([1, 0, 0, 2, 3, 3]))],
  ['an empty body', recordsOf(Buffer.from([1, 0, 0, 0]))],
  ['a session id of 33 octets', recordsOf(helloBytes({ sessionId: 'x'.repeat(33) }))],
  ['no cipher suites', recordsOf(helloBytes({ suites: '' }))],
  ['half a cipher suite', recordsOf(helloBytes({ suites: '\x13\x01\x13' }))],
  ['no compression methods', recordsOf(helloBytes({ compression: '' }))],
  ['an octet after the extensions', recordsOf(helloBytes({ serverName: 'a.test', after: '\0' }))],
  ['an octet in place of the extensions', recordsOf(helloBytes({ extensions: undefined, after: '\0' }))],
  ['two server names', recordsOf(helloBytes({ extensions: [extension(0, name), extension(0, name)] }))],
  ['any extension twice', recordsOf(helloBytes({ extensions: [extension(23, ''), extension(23, '')] }))],
  ['an extension that passes the end', recordsOf(helloBytes({ extensions: ['\0\0\x01\0'] }))],
  ['half an extension', recordsOf(helloBytes({ extensions: ['\0\0\x01'] }))],
  ['an empty server name extension', recordsOf(helloBytes({ extensions: [extension(0, '')] }))],
  ['an empty list of names', recordsOf(helloBytes({ extensions: [extension(0, '\0\0')] }))],
  ['a name of no octets', recordsOf(helloBytes({ extensions: [extension(0, '\0\x03\0\0\0')] }))],
  [
    'a list of two names',
    recordsOf(helloBytes({ extensions: [extension(0, u16(name.length * 2 - 4) + name.slice(2).repeat(2))] })),
  ],
  ['a name of another type', recordsOf(helloBytes({ extensions: [extension(0, '\0\x04\x01\0\x01a')] }))],
  [
    'a list that says it is longer',
    recordsOf(helloBytes({ extensions: [extension(0, `${u16(99)}${name.slice(2)}`)] })),
  ],
  ...['a\0b', 'a b', 'a/b', 'a..b', '.', '-a', 'é.test', 'a:80', '[::1]', '*.test', 'x'.repeat(64)].map(
    (text) => [`the name ${JSON.stringify(text)}`, recordsOf(helloBytes({ serverName: text }))] as const,
  ),
];

for (const [what, bytes] of refused) {
  test(`a ClientHello is refused: ${what}`, () => {
    assert.equal(read(bytes)?.type, 'refusal');
  });
}

test('what has to be held is bounded: nothing is undecided at that length', () => {
  const largest = helloBytes({ serverName: 'a.test', padTo: maxHelloBytes });
  assert.equal(largest.length, maxHelloBytes);
  const bytes = recordsOf(largest, Math.ceil(maxHelloBytes / 64));
  assert.ok(bytes.length <= maxHelloWireBytes);
  assert.deepEqual(read(bytes), { type: 'hello', serverName: 'a.test' });
  assert.equal(
    read(recordsOf(helloBytes({ serverName: 'a.test', padTo: maxHelloBytes + 1 })))?.type,
    'refusal',
  );
});

test('what Node says first is read', async (t) => {
  let said = Buffer.alloc(0);
  const { port } = await startServer(t, (socket) => {
    socket.on('data', (bytes: Buffer) => {
      said = Buffer.concat([said, bytes]);
    });
  });
  const socket = connect({ port, host: '127.0.0.1', servername: 'Node.Example.test' });
  socket.on('error', () => undefined);
  await waitUntil(() => read(said) !== undefined);
  assert.deepEqual(read(said), { type: 'hello', serverName: 'node.example.test' });
  socket.destroy();
});

for (const version of ['-tls1_2', '-tls1_3']) {
  test(`what OpenSSL says first is read: ${version}`, async (t) => {
    const openssl = requireProgram(t, 'openssl');
    if (openssl === undefined) return;
    let said = Buffer.alloc(0);
    const { port } = await startServer(t, (socket) => {
      socket.on('data', (bytes: Buffer) => {
        said = Buffer.concat([said, bytes]);
      });
    });
    const args = ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'openssl.test', version];
    const child = spawn(openssl, args, { stdio: 'ignore' });
    t.after(() => {
      child.kill('SIGKILL');
    });
    await waitUntil(() => read(said) !== undefined);
    assert.deepEqual(read(said), { type: 'hello', serverName: 'openssl.test' });
  });
}
