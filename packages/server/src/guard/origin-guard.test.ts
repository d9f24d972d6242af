import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { originGuard } from './origin-guard.ts';

const guard = originGuard(['Node-1', 'registry.example']);

function refusal(method: string, headers: Record<string, string>): string | undefined {
  const rawHeaders = Object.entries(headers).flat();
  return guard.refusal({ method, headers, rawHeaders } as unknown as IncomingMessage);
}

test('names that cannot be rebound may be called by, with or without a port', () => {
  const good = [
    '127.0.0.1:8500',
    '[::1]:8500',
    '[::1]',
    '10.1.2.3',
    'localhost:8500',
    'LOCALHOST',
    'localhost.',
    'a.localhost',
  ];
  const names = ['consul.service.consul:8500', 'consul', 'node-1', 'node-1:8500', 'registry.example:80'];
  for (const host of [...good, ...names]) assert.equal(refusal('GET', { host }), undefined, host);
  assert.equal(refusal('GET', {}), undefined);
});

test('a foreign name is refused, also when asked twice', () => {
  for (const host of [
    'evil.example',
    'evil.example:8500',
    'localhost.evil.example',
    '127.0.0.1.nip.io',
    'xconsul',
    '',
    '[evil',
  ]) {
    assert.match(refusal('GET', { host }) ?? '', /is not a name of this server/, host);
    assert.match(refusal('PUT', { host }) ?? '', /is not a name of this server/, host);
  }
});

test('a page of another origin may not write', () => {
  const host = 'localhost:8500';
  for (const origin of [
    'http://evil.example',
    'http://localhost:3000',
    'http://localhost',
    'null',
    'file://',
  ]) {
    for (const method of ['PUT', 'POST', 'DELETE', 'PATCH']) {
      assert.match(refusal(method, { host, origin }) ?? '', /may not change anything/, origin);
    }
  }
  assert.match(refusal('PUT', { host, 'sec-fetch-site': 'cross-site' }) ?? '', /may not change anything/);
});

test('our own page and clients that are no browser may write', () => {
  assert.equal(refusal('PUT', { host: 'localhost:8500', origin: 'http://LOCALHOST:8500' }), undefined);
  assert.equal(refusal('PUT', { host: 'localhost:8500' }), undefined);
  assert.equal(refusal('PUT', { host: 'localhost:8500', 'sec-fetch-site': 'same-origin' }), undefined);
  assert.equal(refusal('GET', { host: 'localhost:8500', origin: 'http://evil.example' }), undefined);
});

test('two Host fields are refused, whichever comes first', () => {
  for (const [first, second] of [
    ['localhost', 'evil.example'],
    ['localhost', 'localhost'],
  ]) {
    const rawHeaders = ['Host', first, 'X-Hosts', '1', 'hOST', second];
    const request = { method: 'GET', headers: { host: first }, rawHeaders } as unknown as IncomingMessage;
    assert.match(guard.refusal(request) ?? '', /given twice/);
  }
});
