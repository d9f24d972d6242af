import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advised, byDefault, type FaultFigures, faults, measureFault } from './faults.ts';

const options = { perSecond: 100, beforeMs: 500, afterMs: 6_000, patienceMs: 20_000 };

function faultNamed(name: string): (typeof faults)[number] {
  const fault = faults.find((one) => one.name === name);
  assert.ok(fault !== undefined);
  return fault;
}

function assertUnnoticed(figures: FaultFigures): void {
  assert.deepEqual(figures.failures, []);
  assert.ok(figures.after.length > 0 && figures.ejectedMs !== undefined);
}

test('kill -9 of one instance costs no request, with default settings', async (scope) => {
  assertUnnoticed(await measureFault(scope, faultNamed('kill -9'), byDefault, options));
});

test('an instance that is stopped costs requests only until clients have given up on some', async (scope) => {
  const impatient = { ...options, afterMs: 9_000, patienceMs: 1_200 };
  const figures = await measureFault(scope, faultNamed('SIGSTOP'), byDefault, impatient);
  const { ejectedMs = 0 } = figures;
  assert.ok(ejectedMs > 0 && figures.lastFailureMs <= ejectedMs, JSON.stringify(figures.failures));
});

for (const name of ['SIGSTOP', 'answers 500', 'answers after 2 s']) {
  test(`${name}: one such instance costs no request, with the settings that are advised`, async (scope) => {
    assertUnnoticed(await measureFault(scope, faultNamed(name), advised, options));
  });
}
