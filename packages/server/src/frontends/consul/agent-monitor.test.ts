import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainLine } from './agent-monitor.ts';
import { startTestServer, type TestServer } from './test-server.fixture.ts';

/** Reads lines of a stream until one holds `word`. */
async function readUntil(response: Response, word: string): Promise<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let seen = '';
  while (!seen.includes(word)) {
    const { value, done } = (await reader?.read()) ?? { value: undefined, done: true };
    if (done) break;
    seen += value;
  }
  await reader?.cancel();
  return seen;
}

const monitor = (server: TestServer, query: string) => fetch(`${server.url}/v1/agent/monitor?${query}`);

test('the log streams from its level up, as text and as JSON', async () => {
  await using server = await startTestServer();
  const [text, json] = [
    await monitor(server, 'loglevel=warn'),
    await monitor(server, 'loglevel=debug&logjson'),
  ];
  const { log } = server.context;
  log.child({ part: 'x' }).info('too small');
  log.child({ part: 'x' }).warn({ at: 1 }, 'seen');
  assert.match(await readUntil(text, 'seen'), /^\S+Z \[WARN\] {2}x: seen: at=1\n$/);
  const lines = (await readUntil(json, 'seen')).trim().split('\n');
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { msg: string }).msg),
    ['too small', 'seen'],
  );
  assert.equal((await server.get('/v1/agent/monitor?loglevel=loud')).status, 400);
});

test('stopping the server ends the stream', async () => {
  const server = await startTestServer();
  const response = await monitor(server, 'loglevel=info');
  await server.stop();
  await response.text();
});

test('a line of the log in the words of Consul', () => {
  const time = '2026-01-02T03:04:05.678Z';
  assert.equal(plainLine({ level: 'error', time, msg: 'no', why: 'a b' }), `${time} [ERROR] no: why="a b"\n`);
});
