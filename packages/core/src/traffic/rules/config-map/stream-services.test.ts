import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { CatalogRecord } from '../../../catalog/records.ts';
import { manifest, planned, service, web } from '../kubernetes.fixture.ts';

const cases: Readonly<Record<string, readonly CatalogRecord[]>> = {
  'stream-services': [
    ...web,
    service('db', { ports: [{ name: 'sql', port: 3306, targetPort: 13_306 }], selector: { app: 'web' } }),
    service('dns', { ports: [{ port: 53 }, { name: 'u', port: 53, protocol: 'UDP' }] }),
    manifest('v1', 'ConfigMap', 'tcp-services', {
      data: {
        '5301': 'default/dns:53',
        '9000': 'default/db:3306',
        '9001': 'default/db:sql:PROXY:PROXY',
        '9002': 'default/db:3306::PROXY',
        '9003': 'default/web:80:PROXY',
        '9004': 'default/nobody:1',
        '9005': 'db:3306',
        high: 'default/db:3306',
      },
    }),
    manifest('v1', 'ConfigMap', 'udp-services', {
      data: { '5300': 'default/web:53', '5301': 'default/dns:53' },
    }),
    manifest('v1', 'ConfigMap', 'else', { data: { '9006': 'default/db:3306' } }),
  ],
};

for (const [name, records] of Object.entries(cases)) {
  test(`golden: ${name}`, () => {
    const found = planned(records);
    const file = new URL(`./testdata/${name}.json`, import.meta.url);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, `${JSON.stringify(found, null, 2)}\n`);
    assert.deepEqual(found, JSON.parse(readFileSync(file, 'utf8')));
  });
}
