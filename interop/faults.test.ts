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

for (const name of ['kill -9', 'SIGSTOP']) {
  test(`${name} of one instance costs no request, with default settings`, async (scope) => {
    assertUnnoticed(await measureFault(scope, faultNamed(name), byDefault, options));
  });
}

for (const name of ['SIGSTOP', 'answers 500', 'answers after 2 s']) {
  test(`${name}: one such instance costs no request, with the settings that are advised`, async (scope) => {
    assertUnnoticed(await measureFault(scope, faultNamed(name), advised, options));
  });
}
