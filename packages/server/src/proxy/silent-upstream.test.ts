import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import {
  cluster,
  endpoint,
  modelOf,
  oneResponse,
  Recorder,
  startPlane,
  startServer,
  statusOf,
  talk,
} from './testdata/plane-rig.ts';

const get = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n';

test('a GET of an endpoint that hangs is asked of another one too, which answers; the first is blamed', async (t) => {
  const hanging = await startServer(t, (socket) => socket.resume());
  const recorder = new Recorder();
  const alive = await startServer(t, (socket) => recorder.serve(socket));
  const a = cluster('a', [endpoint(hanging.port), endpoint(alive.port)]);
  const { port, plane } = startPlane(t, modelOf({ 'a.test': a }), { limits: { upstreamSilentMs: 100 } });
  const answers = await Promise.all([0, 1].map(() => talk(port, [get], { until: oneResponse })));
  assert.deepEqual(
    answers.map(({ answer }) => statusOf(answer)),
    [200, 200],
  );
  const [first] = plane.report().clusters[0]?.endpoints ?? [];
  assert.equal(first?.failures, 1);
});

test('a POST waits, and so does a GET whose endpoint answers others', async (t) => {
  const waiting: Socket[] = [];
  const seen: string[] = [];
  const { port: upstream } = await startServer(t, (socket) => {
    socket.on('data', (bytes: Buffer) => {
      const text = bytes.toString('latin1');
      seen.push(text.slice(0, text.indexOf(' HTTP')));
      if (text.includes('/poll')) waiting.push(socket);
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  });
  const other = await startServer(t, () => undefined);
  const a = cluster('a', [endpoint(upstream), endpoint(other.port, { weight: 0 })]);
  const { port } = startPlane(t, modelOf({ 'a.test': a }), { limits: { upstreamSilentMs: 150 } });
  const post = talk(port, ['POST /poll HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n'], {
    until: oneResponse,
  });
  const poll = talk(port, ['GET /poll HTTP/1.1\r\nHost: a.test\r\n\r\n'], { until: oneResponse });
  for (let count = 0; count < 12; count++) {
    await talk(port, [get], { until: oneResponse });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await waitUntil(() => (waiting.length === 2 ? true : undefined));
  for (const socket of waiting) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  assert.equal(statusOf((await post).answer), 200);
  assert.equal(statusOf((await poll).answer), 200);
  assert.equal(other.sockets.size, 0, 'nobody else was asked');
});
