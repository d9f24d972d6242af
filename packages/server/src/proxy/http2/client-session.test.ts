import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants, type OutgoingHttpHeaders } from 'node:http2';
import { test } from 'node:test';
import {
  cluster,
  endpoint,
  modelOf,
  Recorder,
  startPlane,
  startServer,
  type TestScope,
} from '../testdata/plane-rig.ts';

interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: string;
  readonly trailers: Record<string, unknown>;
}

function client(test: TestScope, port: number): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  test.after(() => session.destroy());
  return session;
}

async function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<Answer> {
  const stream = session.request({ ':authority': 'a.test', ...headers }, { endStream: body === undefined });
  let answer = '';
  let trailers = {};
  stream.setEncoding('latin1');
  stream.on('data', (text: string) => (answer += text));
  stream.on('trailers', (fields) => (trailers = fields));
  const closed = once(stream, 'close');
  if (body !== undefined) stream.end(body);
  const [response] = await once(stream, 'response');
  await closed;
  return { status: response[':status'], headers: response, body: answer, trailers };
}

test('a request by HTTP/2 in clear is sent on by HTTP/1, and its answer comes back', async (t) => {
  const recorder = new Recorder();
  const { port: upstream } = await startServer(t, (socket) => recorder.serve(socket));
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const session = client(t, port);
  const answer = await ask(session, { ':path': '/x?y=1', cookie: ['a=1', 'b=2'], te: 'trailers' });
  assert.equal(answer.status, 200);
  assert.equal(answer.body, 'ok');
  assert.match(recorder.seen, /^GET \/x\?y=1 HTTP\/1\.1\r\nHost: a\.test\r\n/);
  assert.match(recorder.seen, /\r\ncookie: a=1; b=2\r\n/);
  assert.match(recorder.seen, /\r\nX-Forwarded-For: 127\.0\.0\.1\r\n/);
  assert.equal((await ask(session, { ':path': '/nothing', ':authority': 'b.test' })).status, 404);
});
