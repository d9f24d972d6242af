import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Lookup, parseLookup } from './lookup.ts';

const service = (readings: readonly [tag: string, service: string][], datacenter?: string): Lookup => ({
  kind: 'service',
  readings: readings.map(([tag, name]) => ({ tag, service: name, transport: tag === 'udp' })),
  datacenter,
});

const cases: readonly [name: string, Lookup][] = [
  ['', { kind: 'apex' }],
  ['ns', { kind: 'name-server' }],
  ['web.service', service([['', 'web']])],
  ['web.service.dc1', service([['', 'web']], 'dc1')],
  ['web.service.dc1.dc', service([['', 'web']], 'dc1')],
  ['web.service.default.ns.default.ap.dc1.dc', service([['', 'web']], 'dc1')],
  ['web.service.other.ns.dc1.dc', { kind: 'unknown' }],
  ['web.service.a.b.c', { kind: 'unknown' }],
  [
    'v1.web.service',
    service([
      ['', 'v1.web'],
      ['v1', 'web'],
    ]),
  ],
  [
    'a.b.c.service',
    service([
      ['', 'a.b.c'],
      ['a', 'b.c'],
      ['a.b', 'c'],
    ]),
  ],
  ['service.service', service([['', 'service']])],
  ['node.service', service([['', 'node']])],
  ['_web._tcp.service', service([['', 'web']])],
  ['_web._udp.service', service([['udp', 'web']])],
  ['_web._v1.service.dc1', service([['v1', 'web']], 'dc1')],
  ['_my.web._v1.service', service([['v1', 'my.web']])],
  ['_web._v1', service([['v1', 'web']])],
  ['_web._tcp.dc1', service([['', 'web']], 'dc1')],
  ['_tcp.service', { kind: 'empty', datacenter: undefined }],
  ['n1.node', { kind: 'node', node: 'n1', datacenter: undefined }],
  ['n1.rack2.node.dc1', { kind: 'node', node: 'n1.rack2', datacenter: 'dc1' }],
  ['7f000001.addr.dc1', { kind: 'address', label: '7f000001', datacenter: 'dc1' }],
  ['a.7f000001.addr', { kind: 'unknown' }],
  ['service', { kind: 'empty', datacenter: undefined }],
  ['node.dc1', { kind: 'empty', datacenter: 'dc1' }],
  ['dc1', { kind: 'empty', datacenter: 'dc1' }],
];

for (const [name, expected] of cases) {
  test(`"${name}" asks for ${expected.kind}`, () => {
    assert.deepEqual(parseLookup(name === '' ? [] : name.split('.')), expected);
  });
}
