import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceMetadata } from './metadata.ts';

const read = (env: readonly string[], labels: Readonly<Record<string, string>>, port = 80) =>
  serviceMetadata(env, new Map(Object.entries(labels)), port);

test('a label wins over a variable, a port over all, and other ports say nothing', () => {
  assert.equal(read(['SERVICE_NAME=env'], {}).name, 'env');
  assert.equal(read(['SERVICE_NAME=env'], { SERVICE_NAME: 'label' }).name, 'label');
  assert.equal(read(['SERVICE_80_NAME=env'], { SERVICE_NAME: 'label' }).name, 'env');
  assert.equal(read(['SERVICE_80_NAME=env'], { SERVICE_80_NAME: 'label' }).name, 'label');
  assert.equal(read(['SERVICE_81_NAME=env'], { SERVICE_NAME: 'label' }).name, 'label');
  assert.equal(read([], { SERVICE_80_NAME: 'x' }).nameIsOfPort, true);
  assert.equal(read([], { SERVICE_NAME: 'x' }).nameIsOfPort, false);
});

test('keys are lower-cased, values keep everything behind the first equals sign', () => {
  const { rest } = read(
    ['SERVICE_Color=a=b', 'SERVICE_80_Size=1', 'SERVICE_80=x', 'PATH=/bin', 'SERVICE_BARE'],
    {},
  );
  assert.deepEqual([...rest].sort(), [
    ['80', 'x'],
    ['color', 'a=b'],
    ['size', '1'],
  ]);
});

test('only the prefix in capitals counts', () => {
  assert.equal(read(['service_name=x', 'XSERVICE_NAME=y'], {}).name, '');
});
