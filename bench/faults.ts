// `npm run bench -- faults`: what callers notice when one of three instances fails. See docs/reliability.md.
import { advised, byDefault, faults, measureFault } from '../interop/faults.ts';
import { Scope } from './scope.ts';

const options = { perSecond: 300, beforeMs: 2_000, afterMs: 12_000, patienceMs: 5_000 };

/** @param only the faults whose name contains it; default: all */
export async function faultsBench(only = ''): Promise<void> {
  const rows: Record<string, Record<string, string | number>> = {};
  for (const fault of faults.filter(({ name }) => name.includes(only))) {
    for (const settings of [byDefault, advised]) {
      const scope = new Scope();
      try {
        const figures = await measureFault(scope, fault, settings, options);
        rows[`${fault.name}, ${settings.name}`] = {
          requests: figures.after.length,
          failed: figures.failures.length,
          'last failure after, ms': figures.failures.length === 0 ? '' : Math.round(figures.lastFailureMs),
          'ejected after, ms': figures.ejectedMs === undefined ? 'no' : Math.round(figures.ejectedMs),
          'p99 ms before': figures.p99BeforeMs.toFixed(0),
          'p99 ms': figures.p99Ms.toFixed(0),
          ends: [...new Set(figures.failures.map(({ end }) => end))].join(' '),
        };
      } finally {
        await scope.end();
      }
    }
  }
  const { perSecond, afterMs } = options;
  console.log(
    `\nOne of three instances fails at ${perSecond} requests/s; figures of the ${afterMs / 1_000} s from then on`,
  );
  console.table(rows);
}

if (import.meta.main) await faultsBench(process.argv[2]);
