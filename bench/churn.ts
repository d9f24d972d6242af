// `npm run bench -- churn`: a service whose instances come and go a hundred times a second, while it is called.
import { measureChurn } from '../interop/churn.ts';
import { Scope } from './scope.ts';

const seconds = 60;
const changesPerSecond = 100;

export async function churnBench(): Promise<void> {
  console.log(
    `\nchurn: ${changesPerSecond} changes/s for ${seconds} s by the API, 20 of 40 instances, 2 gateway workers, one machine`,
  );
  const rows: Record<string, Record<string, string | number>> = {};
  for (const requestsPerSecond of [100, 300]) {
    const scope = new Scope();
    try {
      const figures = await measureChurn(scope, { seconds, changesPerSecond, requestsPerSecond });
      rows[`${requestsPerSecond} requests/s`] = {
        changes: figures.changes,
        requests: figures.requests,
        failed: figures.failures.length,
        'quiet p50 ms': figures.quietP50Ms.toFixed(2),
        'p50 ms': figures.p50Ms.toFixed(2),
        'quiet p99 ms': figures.quietP99Ms.toFixed(2),
        'p99 ms': figures.p99Ms.toFixed(2),
        'p99 to quiet': `${(figures.p99Ms / figures.quietP99Ms).toFixed(2)} ×`,
      };
    } finally {
      await scope.end();
    }
  }
  console.table(rows);
}

if (import.meta.main) await churnBench();
