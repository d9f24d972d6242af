import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import type { ListenerAddress } from '../contract.ts';
import { systemClock } from '../engine/system-clock.ts';
import { readBody } from './body.ts';
import type { HttpLimits } from './limits.ts';
import { createHttpListener } from './listener.ts';
import { send, textReply } from './reply.ts';

const small: Partial<HttpLimits> = { maxLeftoverBytes: 1_000_000, leftoverTimeoutMs: 200 };

/** A listener that answers 413 to more than 1,000 bytes, and 404 everywhere but at /small. */
async function listenerPort(t: TestContext, limits: Partial<HttpLimits> = {}): Promise<number> {
  let port = 0;
  const announce = (bound: ListenerAddress) => {
    port = bound.port;
    return () => undefined;
  };
  const bind = { address: '127.0.0.1', port: 0 };
  const log = pino({ level: 'silent' });
  const registry = { announce, list: () => [] };
  const http = createHttpListener({
    ...{ bind, log, limits },
    ...{ nodeName: 'n', clock: systemClock, listeners: registry },
  });
  http.mount('/small', async (request, response) => {
    const reply = await readBody(request, 1_000).then(
      () => textReply(200, 'whole'),
      (fault: Error) => textReply(413, fault.message),
    );
    if (!request.complete) response.shouldKeepAlive = false;
    send(response, reply);
  });
  await http.start();
  t.after(() => http.stop(0));
  return port;
}

/** Sends `head` and then `bytes` zeros as fast as they go; what came back when the connection is closed. */
async function upload(port: number, head: string, bytes: number): Promise<{ answer: string; sent: number }> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  let sent = 0;
  socket
    .on('error', () => undefined)
    .on('data', (chunk) => {
      answer += String(chunk);
    });
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  const chunk = Buffer.alloc(65_536);
  const pump = (): void => {
    while (sent < bytes && !socket.destroyed) {
      sent += chunk.length;
      if (!socket.write(chunk)) return;
    }
  };
  socket.on('drain', pump);
  socket.write(head);
  pump();
  await closed;
  return { answer, sent };
}

for (const [path, status] of [
  ['/small', 413],
  ['/nothing', 404],
] as const) {
  test(`a client that sends 30 MB to ${path} reads the ${status}`, async (t) => {
    const port = await listenerPort(t);
    const body = new Uint8Array(30_000_000);
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'PUT', body });
    assert.equal(answer.status, status);
    await answer.text();
  });
}

test('one that asked to close, and writes all before it reads, gets its answer and then the end', async (t) => {
  const port = await listenerPort(t);
  const bytes = 20 * 1_048_576;
  const head = `PUT /small HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${bytes}\r\n\r\n`;
  const { answer, sent } = await upload(port, head, bytes);
  assert.match(answer, /^HTTP\/1.1 413 /);
  assert.equal(sent, bytes);
});

test('one that does not come to an end is cut off', async (t) => {
  const port = await listenerPort(t, small);
  const bytes = 1_000_000_000;
  const head = `PUT /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${bytes}\r\n\r\n`;
  const { sent } = await upload(port, head, bytes);
  assert.ok(sent < bytes);
});

test('one that says nothing more is cut off', async (t) => {
  const port = await listenerPort(t, small);
  const { answer } = await upload(
    port,
    'PUT /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n',
    0,
  );
  assert.match(answer, /^HTTP\/1.1 404 /);
});

test('a small body that nobody wanted leaves the connection to be closed as was said', async (t) => {
  const port = await listenerPort(t);
  const head = 'PUT /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc';
  const { answer } = await upload(port, head, 0);
  assert.match(answer, /^HTTP\/1.1 404 /);
});
