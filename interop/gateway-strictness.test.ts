import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import {
  cluster,
  endpoint,
  modelOf,
  oneResponse,
  startPlane,
  statusOf,
  talk,
} from '@portolan/server/proxy/testdata/plane-rig.ts';
import { requestVectors } from '@portolan/server/proxy/testdata/request-vectors.ts';
import { freePort } from '@portolan/testkit/free-port.ts';
import { launchNginx } from '@portolan/testkit/launch-nginx.ts';
import { requireProgram } from '@portolan/testkit/require-program.ts';

/** What the gateway lets through, other servers must understand as it does. */
const letThrough = requestVectors.filter((vector) => vector.status === 200);

/** Method, target and body as our own recorder saw them. */
function decided(vector: (typeof letThrough)[number]): { method: string; target: string } {
  const [method = '', target = ''] = (vector.line ?? 'GET / HTTP/1.1').split(' ');
  return { method, target };
}

test('Node understands every request that is let through as we do', async (t) => {
  let seen = { method: '', target: '', body: '' };
  let requests = 0;
  const server = createServer({ maxHeaderSize: 32_768 }, (request, response) => {
    requests++;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      seen = {
        method: request.method ?? '',
        target: request.url ?? '',
        body: Buffer.concat(chunks).toString('latin1'),
      };
      response.end('ok');
    });
  });
  server.on('upgrade', (request, socket) => {
    requests++;
    seen = { method: request.method ?? '', target: request.url ?? '', body: '' };
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port: upstream } = server.address() as AddressInfo;
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  /** Methods that Node's parser does not know, and refuses. */
  const unknownToNode = new Set(['get']);
  for (const vector of letThrough) {
    const { method, target } = decided(vector);
    if (unknownToNode.has(method)) continue;
    await t.test(`${vector.section}: ${vector.name}`, async () => {
      requests = 0;
      const { answer } = await talk(port, [vector.sent], { until: oneResponse });
      assert.equal(statusOf(answer), 200, answer);
      assert.deepEqual({ method: seen.method, target: seen.target }, { method, target });
      if (vector.body !== undefined) assert.equal(seen.body, vector.body);
      assert.equal(requests, 1);
    });
  }
});

test('nginx understands every request that is let through as we do', async (t) => {
  if (requireProgram(t, 'nginx') === undefined) return;
  const upstream = await freePort();
  await launchNginx({
    http: `server { listen 127.0.0.1:${upstream}; merge_slashes off; keepalive_requests 100000; large_client_header_buffers 8 32k;
      location / { return 200 "$request_method $request_uri $content_length"; } }`,
    test: t,
  });
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  /** nginx answers these itself: TRACE is forbidden there, `*` and small-letter methods are unknown. */
  const unknownToNginx = (method: string, target: string): boolean =>
    method === 'TRACE' || method === 'get' || target === '*';
  for (const vector of letThrough) {
    const { method, target } = decided(vector);
    if (unknownToNginx(method, target)) continue;
    await t.test(`${vector.section}: ${vector.name}`, async () => {
      const { answer } = await talk(port, [vector.sent], { until: oneResponse });
      assert.equal(statusOf(answer), 200, answer);
      assert.ok(answer.includes(`\r\n\r\n${method} ${target} `), answer);
    });
  }
});
