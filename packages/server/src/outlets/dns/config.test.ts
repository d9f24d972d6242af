import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@portolan/core/base/fault.ts';
import { type DnsConfig, dnsConfig } from './config.ts';

const bad: readonly [path: string, settings: Partial<DnsConfig>][] = [
  ['domain', { domain: '' }],
  ['domain', { domain: 'a..b' }],
  ['domain', { domain: 'sp ace' }],
  ['altDomain', { altDomain: `${'x'.repeat(64)}.example` }],
  ['nodeTtlSeconds', { nodeTtlSeconds: -1 }],
  ['negativeTtlSeconds', { negativeTtlSeconds: 1.5 }],
  ['serviceTtlSeconds.__proto__', { serviceTtlSeconds: new Map([['__proto__', Number.NaN]]) }],
  ['addressLimit', { addressLimit: 1e9 }],
  ['forwarders', { forwarders: new Array(9).fill({ address: '192.0.2.1', port: 53 }) }],
  [
    'forwarders[1]',
    {
      forwarders: [
        { address: '192.0.2.1', port: 53 },
        { address: 'dns.example', port: 53 },
      ],
    },
  ],
  ['forwardFor[0]', { forwardFor: ['10.0.0.0/33'] }],
  ['forwardFor[0]', { forwardFor: ['10.0.0.0'] }],
];

for (const [path, settings] of bad) {
  test(`a bad ${path} is refused by its name: ${JSON.stringify(Object.values(settings)[0]).slice(0, 40)}`, () => {
    assert.throws(
      () => dnsConfig(settings),
      (error) => error instanceof Fault && error.code === 'invalid' && error.path === path,
    );
  });
}

test('nothing set means the defaults', () => {
  const config = dnsConfig();
  assert.equal(config.domain, 'consul');
  assert.deepEqual(config.listen, { address: '127.0.0.1', port: 8600 });
  assert.deepEqual(config.forwarders, []);
});
