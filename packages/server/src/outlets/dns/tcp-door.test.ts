import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { systemClock } from '../../engine/system-clock.ts';
import { limits } from './limits.ts';
import { TcpDoor } from './tcp-door.ts';

const query = Buffer.from([0, 2, 7, 7]);

test('a client that does not read its answers is not read from either', async (t) => {
  const answer = Buffer.alloc(60_000);
  let answered = 0;
  const door = new TcpDoor(systemClock, (_query, _client, reply) => {
    answered++;
    reply(answer);
  });
  t.after(() => door.close());
  const port = await door.listen('127.0.0.1', 0);
  const lazy = connect(port, '127.0.0.1');
  t.after(() => lazy.destroy());
  // 300 MB of answers: no system buffers so much.
  const queries = 5_000;
  lazy.pause();
  lazy.write(Buffer.concat(new Array<Buffer>(queries).fill(query)));
  await waitUntil(() => answered > 0);
  const busy = connect(port, '127.0.0.1');
  t.after(() => busy.destroy());
  for (let round = 0; round < 50; round++) {
    busy.write(query);
    await once(busy, 'data');
  }
  assert.ok(answered < queries / 2, `${answered} answers were made for a client that reads none`);
});

test('a client waits for so many answers at once and no more, and has them in the order in which they come', async (t) => {
  const replies: ((response: Buffer) => void)[] = [];
  const door = new TcpDoor(systemClock, (_query, _client, reply) => replies.push(reply));
  t.after(() => door.close());
  const port = await door.listen('127.0.0.1', 0);
  const client = connect(port, '127.0.0.1');
  t.after(() => client.destroy());
  const received: Buffer[] = [];
  client.on('data', (chunk: Buffer) => received.push(chunk));
  client.write(Buffer.concat(new Array<Buffer>(limits.tcpWaiting + 10).fill(query)));
  await waitUntil(() => replies.length >= limits.tcpWaiting);
  assert.equal(replies.length, limits.tcpWaiting);
  replies[1]?.(Buffer.from('b'));
  replies[0]?.(Buffer.from('a'));
  // A second word for the same query is not heard.
  replies[0]?.(Buffer.from('x'));
  await waitUntil(() => Buffer.concat(received).length === 6);
  assert.equal(Buffer.concat(received).toString('latin1'), '\0\x01b\0\x01a');
  await waitUntil(() => replies.length === limits.tcpWaiting + 2);
});
