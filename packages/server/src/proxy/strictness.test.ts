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
