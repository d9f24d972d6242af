import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { labelsFrom } from '../../../base/labels.ts';
import type { CatalogRecord } from '../../../catalog/records.ts';
import { check, instance, labelled, node } from '../../planner.fixture.ts';
import { before, manifest, planned, service, slice } from '../kubernetes.fixture.ts';

const cases: Readonly<Record<string, readonly CatalogRecord[]>> = {
  'service-selector': [
    node('n1'),
    node('n2', { adminState: 'draining' }),
    labelled('reviews', '10.0.0.1', { version: 'v1' }),
    labelled('reviews-two', '10.0.0.2', { app: 'reviews', 'port.admin': '9901' }, { port: 9090 }),
    labelled('tagged', '10.0.0.3', {}, { tags: ['app=reviews'] }),
    labelled('reviews', '10.0.0.4', { app: 'other' }),
    labelled('reviews', '10.0.0.5', {}, { namespace: 'team' }),
    labelled('reviews', '10.0.0.6', {}, { node: 'n2' }),
    instance('twice', 'a', { address: '10.0.0.1', metadata: labelsFrom({ app: 'reviews' }) }),
    labelled('down', '10.0.0.7', { app: 'reviews' }),
    check(labelled('down', '10.0.0.7', { app: 'reviews' }), 'critical'),
    service('reviews', {
      selector: { app: 'reviews' },
      ports: [
        { name: 'http', port: 80, targetPort: 9080 },
        { name: 'admin', port: 9901, targetPort: 'admin' },
        { name: 'grpc', port: 50_051 },
      ],
    }),
    service('one-port', { selector: { app: 'reviews' }, ports: [{ port: 80 }] }),
    service('not-ready', {
      selector: { app: 'reviews' },
      ports: [{ port: 80, targetPort: 80 }],
      publishNotReadyAddresses: true,
    }),
    service('nothing', { selector: { app: 'nobody' }, ports: [{ port: 80 }] }),
  ],
  'service-endpoints': [
    node('n1'),
    service('sliced', { ports: [{ name: 'http', port: 80 }] }),
    slice(
      'one',
      'sliced',
      [
        { addresses: ['10.1.0.1', '10.1.0.9'], zone: 'a' },
        { addresses: ['10.1.0.2'], conditions: { ready: false, serving: true, terminating: true } },
        { addresses: ['10.1.0.3'], conditions: { ready: false, serving: false, terminating: true } },
        { addresses: ['10.1.0.4'], conditions: { ready: false } },
      ],
      [{ name: 'http', port: 8080 }],
    ),
    slice(
      'two',
      'sliced',
      [{ addresses: ['10.1.0.1'] }, { addresses: ['10.1.0.5'] }],
      [{ name: 'http', port: 8080 }],
    ),
    slice('other-port', 'sliced', [{ addresses: ['10.1.0.6'] }], [{ name: 'metrics', port: 1 }]),
    service('ending', { ports: [{ port: 80 }] }),
    slice(
      'ending',
      'ending',
      [{ addresses: ['10.2.0.1'], conditions: { ready: false, serving: true, terminating: true } }],
      [{ port: 80 }],
    ),
    service('listed', { ports: [{ port: 3306 }] }),
    manifest('v1', 'Endpoints', 'listed', {
      subsets: [
        {
          addresses: [{ ip: '10.3.0.1' }, { ip: '169.254.169.254' }],
          notReadyAddresses: [{ ip: '10.3.0.2' }],
          ports: [{ port: 3306 }],
        },
      ],
    }),
    service('registered', { ports: [{ name: 'any', port: 80 }] }),
    labelled('registered', '10.4.0.1', {}, { port: 12_345 }),
    labelled('registered', '10.4.0.2', {}, { port: 23_456 }),
    service('external', {
      type: 'ExternalName',
      externalName: 'DB.example.com.',
      ports: [{ port: 443, appProtocol: 'https' }],
    }),
    service('headless', { clusterIP: 'None', selector: { app: 'registered' }, ports: [{ port: 80 }] }),
    service('empty', { ports: [{ port: 80 }], trafficDistribution: 'PreferSameZone' }),
  ],
  'service-doors': [
    node('n1'),
    service('node-port', {
      type: 'NodePort',
      ports: [
        { port: 80, nodePort: 30_080 },
        { name: 'b', port: 81 },
      ],
    }),
    service(
      'taken',
      { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] },
      { creationTimestamp: before },
    ),
    service('outside', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }),
    service('balanced', {
      type: 'LoadBalancer',
      allocateLoadBalancerNodePorts: false,
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
      ports: [
        { name: 'dns', port: 5353, protocol: 'UDP' },
        { name: 'dns-tcp', port: 5353 },
        { name: 'https', port: 8443 },
        { name: 'sctp', port: 9, protocol: 'SCTP' },
        { name: 'again', port: 5353 },
      ],
    }),
    service('guarded', {
      type: 'LoadBalancer',
      allocateLoadBalancerNodePorts: false,
      loadBalancerSourceRanges: ['10.0.0.0/8'],
      ports: [{ port: 7001 }],
    }),
    service('others', {
      type: 'LoadBalancer',
      allocateLoadBalancerNodePorts: false,
      loadBalancerClass: 'example.com/nlb',
      ports: [{ port: 7002 }],
    }),
    service('virtual', { clusterIP: '127.96.0.1', ports: [{ port: 80 }], sessionAffinity: 'ClientIP' }),
    instance('db-8443', 'x', { tags: ['tcp'] }),
  ],
  'service-protocols': [
    node('n1'),
    service('protocols', {
      ports: [
        { name: 'http2', port: 1 },
        { name: 'grpc-api', port: 2 },
        { name: 'grpc-web', port: 3 },
        { name: 'https', port: 4 },
        { name: 'a', port: 5, appProtocol: 'kubernetes.io/h2c' },
        { name: 'b', port: 6, appProtocol: 'kubernetes.io/ws' },
        { name: 'c', port: 7, appProtocol: 'kubernetes.io/wss' },
        { name: 'https-d', port: 8, appProtocol: 'http' },
      ],
    }),
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
