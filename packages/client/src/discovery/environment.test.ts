import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labels } from '@portolan/core/base/labels.ts';
import type { ServiceInstance } from '../registry/decode.ts';
import { serviceEnvironment, variableName } from './environment.ts';

const instance = (
  id: string,
  address: string,
  port: number,
  tags: readonly string[] = [],
): ServiceInstance => ({
  service: 'redis-primary',
  id,
  node: 'n',
  address,
  port,
  weight: 1,
  tags,
  metadata: labels([]),
  health: 'passing',
  checks: [],
});

test("Kubernetes' and Docker's variables, of the first instance by id", () => {
  const instances = [instance('b', '10.0.0.12', 6380), instance('a', '10.0.0.11', 6379, ['http'])];
  assert.deepEqual(serviceEnvironment('redis-primary', instances), {
    REDIS_PRIMARY_SERVICE_HOST: '10.0.0.11',
    REDIS_PRIMARY_SERVICE_PORT: '6379',
    REDIS_PRIMARY_SERVICE_PORT_HTTP: '6379',
    REDIS_PRIMARY_PORT: 'tcp://10.0.0.11:6379',
    REDIS_PRIMARY_PORT_6379_TCP: 'tcp://10.0.0.11:6379',
    REDIS_PRIMARY_PORT_6379_TCP_PROTO: 'tcp',
    REDIS_PRIMARY_PORT_6379_TCP_PORT: '6379',
    REDIS_PRIMARY_PORT_6379_TCP_ADDR: '10.0.0.11',
  });
});

test('an IPv6 address is bracketed in the URL only', () => {
  const variables = serviceEnvironment('x', [instance('a', 'fd00::1', 80)]);
  assert.equal(variables.X_SERVICE_HOST, 'fd00::1');
  assert.equal(variables.X_PORT, 'tcp://[fd00::1]:80');
});

test('a service without instances, or without a port, has no variables', () => {
  assert.deepEqual(serviceEnvironment('x', []), {});
  assert.deepEqual(serviceEnvironment('x', [instance('a', '10.0.0.1', 0)]), {});
});

test('a name becomes a name that a shell takes', () => {
  assert.equal(variableName('my.svc-ü=1\n'), 'MY_SVC___1_');
  assert.equal(variableName('3d'), '_3D');
});
