import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { HeldMemory } from './held-memory.ts';
import {
  cluster,
  endpoint,
  modelOf,
  oneResponse,
  startPlane,
  startServer,
  statusOf,
  talk,
} from './testdata/plane-rig.ts';

test('beyond the limit those that hold most are cut, until there is room', () => {
  const cut: number[] = [];
  const items = [10, 40, 0, 30, 25].map((heldBytes) => ({
    ...{ heldBytes, sweepIndex: 0, sweep: () => undefined },
    cut: () => cut.push(heldBytes),
  }));
  let count = 0;
  const held = new HeldMemory(100, () => count++);
  held.check(items);
  assert.deepEqual(cut, [40]);
  assert.equal(held.bytes, 65);
  assert.equal(count, 1);
  held.check(items.slice(0, 2));
  assert.deepEqual(cut, [40]);
});

test('clients that read nothing hold no more than the limit together, and one that reads is served', async (t) => {
  const big = `HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\n\r\n${'x'.repeat(30_000_000)}`;
  const { port: upstream } = await startServer(t, (socket) => {
    socket.once('data', (bytes: Buffer) =>
      socket.write(bytes.includes('/big') ? big : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
    );
  });
  const model = modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) });
  const { port, plane } = startPlane(t, model, { limits: { maxHeldBytes: 500_000 } });
  const readers = Array.from({ length: 12 }, () => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => undefined);
    socket.pause();
    socket.write('GET /big HTTP/1.1\r\nHost: a.test\r\n\r\n');
    t.after(() => {
      socket.destroy();
    });
    return socket;
  });
  await waitUntil(() => ((plane.report().refusals.memory ?? 0) > 0 ? true : undefined));
  const { answer } = await talk(port, ['GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'], { until: oneResponse });
  assert.equal(statusOf(answer), 200);
  assert.ok(readers.length - (plane.report().refusals.memory ?? 0) > 0, 'not all of them');
});
