import { join } from 'node:path';
import { launchProgram, type Program } from '@portolan/testkit/launch-program.ts';

/** In the order in which they are started and printed. */
export const serviceNames: readonly string[] = [
  'productpage',
  'details',
  'reviews-v1',
  'reviews-v2',
  'reviews-v3',
  'ratings',
];

const bookinfo = join(import.meta.dirname, '..', '..', 'examples', 'bookinfo', 'src', 'main.ts');

/** One process for each; resolves when all are registered. Stops those that run when one cannot be started. */
export async function startServices(url: string): Promise<ReadonlyMap<string, Program>> {
  const started = await Promise.allSettled(
    serviceNames.map(async (name) => {
      const program = await launchProgram({
        command: process.execPath,
        args: [bookinfo, name, '--server', url],
        ready: /is registered at/,
      });
      return [name, program] as const;
    }),
  );
  const failed = started.find((one) => one.status === 'rejected');
  const running = started.filter((one) => one.status === 'fulfilled').map(({ value }) => value);
  if (failed === undefined) return new Map(running);
  await Promise.all(running.map(([, program]) => program.stop()));
  throw failed.reason;
}
