import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatEngineAddress, parseEngineAddress, splitList } from './config.ts';

test('an engine is at a socket or at a TCP port', () => {
  for (const text of [
    'unix:///var/run/docker.sock',
    'tcp://127.0.0.1:2375',
    'tcp://docker.example:1',
    'tcp://[::1]:2375',
  ]) {
    const address = parseEngineAddress(text);
    assert.ok(typeof address !== 'string', text);
    assert.equal(formatEngineAddress(address), text);
  }
  assert.deepEqual(parseEngineAddress('tcp://docker'), { kind: 'tcp', host: 'docker', port: 2375 });
  assert.deepEqual(parseEngineAddress('tcp://docker', '/certs'), {
    kind: 'tcp',
    host: 'docker',
    port: 2376,
    certPath: '/certs',
  });
});

test('anything else is refused with what to write', () => {
  for (const text of [
    '',
    '/var/run/docker.sock',
    'unix://docker.sock',
    'unix:///',
    'http://x:1',
    'tcp://:1',
    'tcp://x:0',
    'tcp://x:99999',
    'tcp://[x]:1',
    'tcp://a/b',
  ]) {
    assert.match(
      String(parseEngineAddress(text)),
      /^must be unix:\/\/\/var\/run\/docker\.sock, tcp:\/\/HOST:PORT or off/,
      text,
    );
  }
});

test('a list is split at commas that are not escaped', () => {
  assert.deepEqual(splitList(''), []);
  assert.deepEqual(splitList('a'), ['a']);
  assert.deepEqual(splitList(',a,,b\\,c,'), ['a', 'b,c']);
});
