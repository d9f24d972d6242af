import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServiceSpec } from '@portolan/core/rules/kubernetes.ts';
import { manifestEnvironment } from './manifest-environment.ts';

function environment(name: string, spec: ServiceSpec): Readonly<Record<string, string>> {
  return manifestEnvironment({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec });
}

test('the variables of the example in the documentation of Kubernetes', () => {
  assert.deepEqual(environment('redis-primary', { clusterIP: '10.0.0.11', ports: [{ port: 6379 }] }), {
    REDIS_PRIMARY_SERVICE_HOST: '10.0.0.11',
    REDIS_PRIMARY_SERVICE_PORT: '6379',
    REDIS_PRIMARY_PORT: 'tcp://10.0.0.11:6379',
    REDIS_PRIMARY_PORT_6379_TCP: 'tcp://10.0.0.11:6379',
    REDIS_PRIMARY_PORT_6379_TCP_PROTO: 'tcp',
    REDIS_PRIMARY_PORT_6379_TCP_PORT: '6379',
    REDIS_PRIMARY_PORT_6379_TCP_ADDR: '10.0.0.11',
  });
});

test('the first port is the service, each has its name and its link', () => {
  const ports = [
    { name: 'dns-udp', port: 53, protocol: 'UDP' as const },
    { name: 'http', port: 80 },
  ];
  const found = environment('3d.names', { clusterIP: 'fd00::1', ports });
  assert.equal(found._3D_NAMES_SERVICE_PORT, '53');
  assert.equal(found._3D_NAMES_SERVICE_PORT_DNS_UDP, '53');
  assert.equal(found._3D_NAMES_SERVICE_PORT_HTTP, '80');
  assert.equal(found._3D_NAMES_PORT, 'udp://[fd00::1]:53');
  assert.equal(found._3D_NAMES_PORT_80_TCP, 'tcp://[fd00::1]:80');
  assert.equal(found._3D_NAMES_PORT_53_UDP_ADDR, 'fd00::1');
});

test('what has no virtual address has no variables', () => {
  const ports = [{ port: 80 }];
  assert.deepEqual(environment('headless', { clusterIP: 'None', ports }), {});
  assert.deepEqual(environment('external', { type: 'ExternalName', externalName: 'a.example', ports }), {});
  assert.deepEqual(environment('unsettled', { ports }), {});
});
