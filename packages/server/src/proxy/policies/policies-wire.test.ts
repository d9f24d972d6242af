import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { RoutePolicies } from '@portolan/core/traffic/model.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { startPlane, startServer, statusOf, talk } from '../testdata/plane-rig.ts';
import { clusterAt, echoUpstream, modelWith, request } from '../testdata/policy-rig.ts';

const users = ['cat:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='];
const cat = `Authorization: Basic ${Buffer.from('cat:secret').toString('base64')}\r\n`;

test('who expects 100-continue and may not come in is told so, and never asked for the body', async (t) => {
  const upstream = await echoUpstream(t, 'upstream');
  const policies: RoutePolicies = { basicAuth: { realm: 'r', users }, maxBodyBytes: 10 };
  const { port } = startPlane(t, modelWith([clusterAt('web', upstream.port)], { policies }));
  const head = 'POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: ';
  const denied = await talk(port, [`${head}5\r\n\r\n`], {});
  assert.deepEqual([statusOf(denied.answer), denied.closed], [401, true]);
  const large = await talk(port, [`${head}50\r\n${cat}\r\n`], {});
  assert.deepEqual([statusOf(large.answer), large.closed], [413, true]);
  const welcome = await talk(port, [`${head}5\r\n${cat}\r\n`], {
    until: (text) => text.includes('\r\n\r\n'),
  });
  assert.equal(statusOf(welcome.answer), 100);
  assert.equal(upstream.seen.length, 0);
});

test('requests behind one that waits for its policy are answered in their order, on the same connection', async (t) => {
  const upstream = await echoUpstream(t, 'upstream', ({ url }) => ({ body: url }));
  const delayed = { fault: { delay: { percent: 100, ms: 30 } } };
  const model = modelWith(
    [clusterAt('web', upstream.port)],
    { match: { path: { type: 'prefix', value: '/slow' } }, policies: delayed },
    { match: { path: { type: 'prefix', value: '/no' } }, policies: { access: { deny: ['127.0.0.1'] } } },
    {},
  );
  const { port } = startPlane(t, model);
  const ask = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`;
  const { answer } = await talk(port, [ask('/slow') + ask('/no') + ask('/fast') + ask('/slow2')], {
    until: (text) => text.endsWith('/slow2\r\n0\r\n\r\n'),
  });
  const statuses = [...answer.matchAll(/HTTP\/1\.1 ([0-9]{3})/g)].map(([, status]) => status);
  assert.deepEqual(statuses, ['200', '403', '200', '200']);
  assert.ok(answer.indexOf('/slow') < answer.indexOf('/fast'));
});

test('a body that comes while the policy decides is held back, then sent whole', async (t) => {
  const upstream = await echoUpstream(t, 'upstream');
  const auth = await echoUpstream(t, 'auth');
  const policies: RoutePolicies = {
    externalAuth: {
      url: `http://127.0.0.1:${auth.port}/`,
      method: 'GET',
      responseHeaders: [],
      timeoutMs: 5_000,
    },
    fault: { delay: { percent: 100, ms: 20 } },
  };
  const { port } = startPlane(t, modelWith([clusterAt('web', upstream.port)], { policies }));
  const body = 'x'.repeat(1_000_000);
  assert.equal((await request(port, '/', { method: 'POST', body })).status, 200);
  assert.equal(upstream.seen[0]?.body.length, body.length);
});

test('a WebSocket passes its route’s policies, and its answer is changed as any other', async (t) => {
  let asked = '';
  const { port: upstream } = await startServer(t, (socket) => {
    socket.on('end', () => socket.end());
    socket.on('data', (bytes) => {
      const text = bytes.toString('latin1');
      if (asked !== '') {
        socket.write(text.toUpperCase());
        return;
      }
      asked = text;
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nServer: x\r\n\r\n',
      );
    });
  });
  const policies: RoutePolicies = {
    basicAuth: { realm: 'r', users },
    rewrite: { path: { type: 'prefix', value: '/ws' } },
    requestHeaders: { set: [{ name: 'x-one', value: '1' }] },
    responseHeaders: { remove: ['server'] },
    mirrors: [{ cluster: 'web', percent: 100 }],
    connectionLimit: { max: 1, by: 'route', status: 503 },
  };
  const route = { match: { path: { type: 'segments', value: '/live' } }, policies } as const;
  const { port } = startPlane(t, modelWith([clusterAt('web', upstream)], route));
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  let answer = '';
  socket.on('data', (bytes) => {
    answer += bytes.toString('latin1');
  });
  await once(socket, 'connect');
  const upgrade =
    'Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n';
  socket.write(`GET /live/1 HTTP/1.1\r\nHost: a.test\r\n${upgrade}${cat}\r\n`);
  await waitUntil(() => answer.endsWith('\r\n\r\n'));
  socket.write('hello');
  await waitUntil(() => answer.endsWith('HELLO'));
  assert.match(asked, /^GET \/ws\/1 HTTP\/1\.1\r\n/);
  assert.match(asked, /\r\nx-one: 1\r\n/);
  assert.doesNotMatch(answer, /Server: x/);
  assert.equal((await request(port, '/live')).status, 503);
  socket.destroy();
  await waitUntil(async () => (await request(port, '/live')).status === 401);
});

test('under a flood of wrong passwords, requests without any are answered all the while', async (t) => {
  const upstream = await echoUpstream(t, 'upstream');
  const slow = ['ann:$2y$10$2U/CMCJYEQUAfM7LgihbZ.h8AhD6WXgKfYoztnaqWZlJL1i5TDZC6'];
  const model = modelWith(
    [clusterAt('web', upstream.port)],
    {
      match: { path: { type: 'prefix', value: '/p' } },
      policies: { basicAuth: { realm: 'r', users: slow } },
    },
    {},
  );
  const { port } = startPlane(t, model);
  const guesses = Array.from({ length: 130 }, (_, index) => {
    const authorization = `Basic ${Buffer.from(`ann:${index}`).toString('base64')}`;
    return request(port, '/p', { headers: { authorization } });
  });
  let answered = 0;
  let over = false;
  const open = (async () => {
    while (!over) {
      assert.equal((await request(port, '/')).status, 200);
      answered++;
    }
  })();
  const [first] = await Promise.all([guesses[0]]);
  assert.equal(first?.status, 401);
  over = true;
  await open;
  assert.ok(answered > 0);
  // Those that found too many before them were turned away at once.
  const turnedAway = await Promise.race(guesses.slice(110));
  assert.equal(turnedAway.status, 503);
});

test('a service that closes its kept connections is asked again; what it says cannot frame the request', async (t) => {
  const upstream = await echoUpstream(t, 'upstream');
  let answers = 0;
  const auth = await startServer(t, (socket) => {
    let asked = 0;
    socket.on('data', () => {
      // The second question on a connection finds it closed.
      if (++asked === 2) socket.resetAndDestroy();
      else {
        answers++;
        const lines =
          'X-User: ann\r\nX-Forwarded-For: 203.0.113.5\r\nConnection: keep-alive\r\nContent-Length: 0\r\n';
        socket.write(`HTTP/1.1 200 OK\r\n${lines}\r\n`);
      }
    });
  });
  const responseHeaders = ['X-User', 'Content-Length', 'Connection', 'X-Forwarded-For', 'bad name'];
  const externalAuth = {
    url: `http://127.0.0.1:${auth.port}/`,
    method: 'G ET',
    responseHeaders,
    timeoutMs: 5_000,
  };
  const { port } = startPlane(
    t,
    modelWith([clusterAt('web', upstream.port)], { policies: { externalAuth } }),
  );
  for (let index = 0; index < 4; index++) {
    assert.equal((await request(port, '/', { method: 'PUT', body: 'abc' })).status, 200);
  }
  assert.equal(answers, 4);
  for (const { headers, body } of upstream.seen) {
    assert.deepEqual([headers['x-user'], headers['content-length'], body], ['ann', '3', 'abc']);
    assert.equal(headers['x-forwarded-for'], '203.0.113.5');
  }
});
