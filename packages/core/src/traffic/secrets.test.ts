import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Route, VirtualHost } from './model.ts';
import { withoutSecrets } from './secrets.ts';

const route: Route = {
  name: 'r',
  match: { path: { type: 'prefix', value: '/' } },
  action: { type: 'direct', status: 200, body: '', contentType: '' },
  timeoutMs: 0,
  retry: { retries: 0, on: [], perTryTimeoutMs: 0 },
};

test('a certificate is told without its key', () => {
  const certificate = { name: 'c', chain: 'public', key: 'secret' };
  assert.deepEqual(withoutSecrets('certificates', certificate), { name: 'c', chain: 'public', key: '' });
});

test('basic authentication is told without its users, and everything else as it is', () => {
  const basicAuth = { realm: 'r', users: ['admin:hash'] };
  const secured = { ...route, policies: { basicAuth, maxBodyBytes: 1 } };
  const host: VirtualHost = { name: 'h', table: 'edge', domains: ['h'], routes: [route, secured] };
  const told = withoutSecrets('virtualHosts', host);
  assert.doesNotMatch(JSON.stringify(told), /hash/);
  assert.deepEqual(told.routes[1]?.policies, { basicAuth: { realm: 'r', users: [] }, maxBodyBytes: 1 });
  const open = { ...host, routes: [route] };
  assert.equal(withoutSecrets('virtualHosts', open), open);
});
