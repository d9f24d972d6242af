import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutSecrets } from './without-secrets.ts';

test('keys and passwords are hidden, everything else is shown', () => {
  const key = '-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----';
  const model = {
    certificates: { put: [{ name: 'shop', chain: 'PEM', key }], remove: [] },
    routes: [{ basicAuth: { realm: 'r', users: ['ann:$apr1$x$y', 'bob:{SHA}z'] }, by: { key: 'source' } }],
  };
  const shown = withoutSecrets(model);
  assert.deepEqual(shown, {
    certificates: { put: [{ name: 'shop', chain: 'PEM', key: '(hidden)' }], remove: [] },
    routes: [{ basicAuth: { realm: 'r', users: ['ann:(hidden)', 'bob:(hidden)'] }, by: { key: 'source' } }],
  });
  assert.doesNotMatch(JSON.stringify(shown), /MIIE|apr1|SHA/);
});
