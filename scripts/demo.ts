// `npm run demo [-- FLAGS OF portolan server]`: a server and the Bookinfo sample, then what to try. Ctrl-C stops everything.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Program } from '@portolan/testkit/launch-program.ts';
import { untilRouted } from './demo/conditions.ts';
import { printout } from './demo/printout.ts';
import { startServer } from './demo/server-process.ts';
import { serviceNames, startServices } from './demo/service-processes.ts';

const root = join(import.meta.dirname, '..');

async function main(): Promise<number> {
  const asked = stopSignal();
  const running: Program[] = [];
  try {
    // Here and not in the user's folder, wherever npm was called; git ignores it.
    process.chdir(root);
    mkdirSync('portolan-data', { recursive: true });
    say('starting portolan server …');
    const server = await startServer(process.argv.slice(2));
    running.push(server.program);
    say(`starting Bookinfo: ${serviceNames.join(', ')} …`);
    const services = await startServices(server.url);
    running.push(...services.values());
    for (const [name, program] of services) {
      void program.exited.then(({ signal, code }) => {
        if (!asked.signal.aborted)
          say(`${name} (pid ${program.pid}) has ended: ${signal ?? `exit code ${code}`}`);
      });
    }
    await Promise.race([untilRouted(server, asked.signal), crash(server.program)]);
    if (asked.signal.aborted) return 0;
    process.stdout.write(printout(server, services));
    await Promise.race([aborted(asked.signal), crash(server.program)]);
    return 0;
  } catch (thrown) {
    console.error(`demo: ${thrown instanceof Error ? thrown.message : thrown}`);
    return 1;
  } finally {
    asked.abort();
    if (running.length > 0) say('stopping …');
    await stopAll(running);
  }
}

/** The services first: they take themselves out of a registry that is still there. */
async function stopAll(running: readonly Program[]): Promise<void> {
  const [server, ...services] = running;
  await Promise.all(services.map((service) => service.stop()));
  await server?.stop(graceOfServerMs);
}

/** Longer than its drain. */
const graceOfServerMs = 15_000;

/** Rejects with what a server wrote last when it ends without having been told to. */
async function crash(server: Program): Promise<never> {
  const { signal, code } = await server.exited;
  throw new Error(
    `the server has ended (${signal ?? `exit code ${code}`}). It wrote last:\n${server.output()}`,
  );
}

/** Aborts at Ctrl-C and its like. */
function stopSignal(): AbortController {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => controller.abort());
  return controller;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function say(line: string): void {
  console.log(`demo: ${line}`);
}

process.exitCode = await main();
