import assert from 'node:assert/strict';
import { test } from 'node:test';
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
import { type RequestVector, requestVectors } from './testdata/request-vectors.ts';
import { responseVectors } from './testdata/response-vectors.ts';

test('every request vector is decided as it says, and the upstream sees exactly what was decided', async (t) => {
  const recorder = new Recorder();
  const { port: upstream } = await startServer(t, (socket) => recorder.serve(socket));
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  for (const vector of requestVectors) {
    await t.test(`${vector.section}: ${vector.name}`, async () => {
      recorder.seen = '';
      const { answer, closed } = await talk(port, [vector.sent], { until: oneResponse });
      assert.equal(statusOf(answer), vector.status, answer);
      if (vector.status === 200) checkSeen(vector, recorder.seen);
      else {
        assert.ok(
          closed || answer.includes('\r\nConnection: close\r\n') || vector.status === 404,
          'the connection ends',
        );
        assert.equal(
          /^[A-Z]* [^ ]* HTTP\/1\.1\r\n[\s\S]*\r\n\r\n$/.test(recorder.seen),
          false,
          `it reached: ${recorder.seen}`,
        );
      }
    });
  }
});

test('every response vector is taken, refused or broken off as it says, and its connection used again only when it is clean', async (t) => {
  let vector = responseVectors[0];
  let connections = 0;
  const { port: upstream } = await startServer(t, (socket) => {
    connections++;
    socket.on('end', () => socket.end());
    socket.on('data', () => {
      socket.write(Buffer.from(vector?.sent ?? '', 'latin1'));
      if (vector?.ends === true) socket.end();
    });
  });
  for (vector of responseVectors) {
    const { name, section, method = 'GET', gets, reused } = vector;
    await t.test(`${section}: ${name}`, async (t) => {
      const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
      const request = `${method} / HTTP/1.1\r\nHost: a.test\r\n\r\n`;
      const ask = () => talk(port, [request], { until: (text) => wholeResponse(text, method) });
      connections = 0;
      const { answer } = await ask();
      if (gets === 'broken') assert.ok(!wholeResponse(answer, method), answer);
      else assert.deepEqual(statusAndBody(answer), gets === 502 ? { status: 502, body: undefined } : gets);
      if (gets !== 'broken') {
        await ask();
        assert.equal(connections, reused ? 1 : 2, 'connections');
      }
    });
  }
});

/** Whether a final response has come, as a client would see it. */
function wholeResponse(text: string, method: string): boolean {
  const final = text.replace(/^(?:HTTP\/1\.1 1[0-9]{2}[\s\S]*?\r\n\r\n)+/, '');
  const headEnd = final.indexOf('\r\n\r\n') + 4;
  if (headEnd < 4) return false;
  if (method === 'HEAD' || /^HTTP\/1\.1 (?:204|304)/.test(final)) return true;
  if (/\r\nTransfer-Encoding: chunked\r\n/.test(final)) return /\r\n0\r\n(?:[^\r\n]+\r\n)*\r\n$/.test(final);
  return oneResponse(final);
}

function statusAndBody(answer: string): { status: number; body: string | undefined } {
  const final = answer.replace(/^(?:HTTP\/1\.1 1[0-9]{2}[\s\S]*?\r\n\r\n)+/, '');
  const [head = '', body = ''] = final.split(/\r\n\r\n([\s\S]*)/);
  const status = statusOf(final);
  return { status, body: status === 502 ? undefined : unframed(head.split('\r\n'), body) };
}

function checkSeen(vector: RequestVector, seen: string): void {
  const headEnd = seen.indexOf('\r\n\r\n');
  const [line, ...fields] = seen.slice(0, headEnd).split('\r\n');
  assert.equal(line, vector.line ?? 'GET / HTTP/1.1');
  for (const field of vector.has ?? [])
    assert.ok(fields.includes(field), `${field} in ${fields.join(' | ')}`);
  const names = fields.map((field) => field.slice(0, field.indexOf(':')).toLowerCase());
  for (const name of vector.lacks ?? []) assert.ok(!names.includes(name), `${name} in ${names}`);
  for (const name of ['host', 'content-length', 'transfer-encoding', 'x-forwarded-for', 'x-request-id']) {
    assert.ok(names.filter((other) => other === name).length <= 1, `one ${name}`);
  }
  if (vector.body !== undefined) assert.equal(unframed(fields, seen.slice(headEnd + 4)), vector.body);
}

function unframed(fields: readonly string[], body: string): string {
  if (!fields.includes('Transfer-Encoding: chunked')) return body;
  let text = '';
  for (const [, size = '', data = ''] of body.matchAll(/([0-9a-f]+)\r\n([\s\S]*?)\r\n/g)) {
    if (Number.parseInt(size, 16) === 0) break;
    assert.equal(data.length, Number.parseInt(size, 16));
    text += data;
  }
  return text;
}
