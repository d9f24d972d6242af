import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cluster, Endpoint } from '@portolan/core/traffic/model.ts';
import { emptyTables } from '@portolan/core/traffic/tables.ts';
import { upstreamDomain, upstreamLabel } from '../../upstream-names.ts';
import { type Resource, rcode, typeCode } from './message.ts';
import { upstreamAnswer } from './upstream-zone.ts';

function endpoint(address: string, port: number, more: Partial<Endpoint> = {}): Endpoint {
  return { id: `${address}:${port}`, address, port, weight: 1, state: 'healthy', labels: {}, ...more };
}

const endpoints = new Map<string, readonly Endpoint[]>([
  [
    'web',
    [
      endpoint('10.0.0.1', 80, { weight: 3 }),
      endpoint('2001:db8::1', 81),
      endpoint('10.0.0.2', 82, { state: 'draining' }),
    ],
  ],
  ['leaving', [endpoint('10.0.0.3', 83, { state: 'draining', weight: 0 })]],
  ['empty', []],
]);
const clusters = new Map(
  [...endpoints].map(([name, list]) => [name, { name, endpoints: list } as unknown as Cluster]),
);
const source = {
  traffic: { revision: 1, ...emptyTables(), clusters },
  revision: 1,
  clusterLabelled: (label: string) => [...clusters.keys()].find((name) => upstreamLabel(name) === label),
};

function ask(labels: readonly string[], type: keyof typeof typeCode = 'SRV') {
  const {
    rcode: code,
    fixed,
    shuffled,
  } = upstreamAnswer(source, [...labels, ...upstreamDomain], typeCode[type]);
  return { code, records: [...fixed, ...shuffled].map(text) };
}

function text(record: Resource): string {
  if (record.type === 'SRV') return `${record.weight} ${record.port} ${record.target[0]}`;
  return record.type === 'A' || record.type === 'AAAA' ? record.address : record.type;
}

const of = (cluster: string) => ['_portolan', '_tcp', upstreamLabel(cluster)];

test('a cluster has an SRV record for each endpoint that gets requests', () => {
  assert.deepEqual(ask(of('web')).records, ['3 80 0a000001', '1 81 20010db8000000000000000000000001']);
  assert.deepEqual(ask(of('leaving')).records, ['1 83 0a000003'], 'rather one that leaves than none');
  assert.deepEqual(ask(['0a000001'], 'A').records, ['10.0.0.1']);
  assert.deepEqual(ask(['20010db8000000000000000000000001'], 'AAAA').records, ['2001:db8::1']);
});

test('what has nothing has nothing, and what is not there is not there', () => {
  assert.deepEqual(ask(of('empty')), { code: rcode.noError, records: [] });
  assert.deepEqual(ask(['0a000001'], 'AAAA'), { code: rcode.noError, records: [] });
  assert.deepEqual(ask(of('web'), 'A'), { code: rcode.noError, records: [] });
  for (const labels of [
    of('nobody'),
    ['x'],
    ['_portolan', '_udp', upstreamLabel('web')],
    ['a', ...of('web')],
  ])
    assert.equal(ask(labels).code, rcode.nameError, labels.join('.'));
});
