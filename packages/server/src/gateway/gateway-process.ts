// A gateway process: launched by a server, or by the gateway process that it takes over from. See launch.ts.

import { closeSync, existsSync, readdirSync, readlinkSync } from 'node:fs';
import { Fault } from '@portolan/core/base/fault.ts';
import { InheritedSockets } from '../proxy/inherited-sockets.ts';
import type { ListeningHandle } from '../proxy/listening-handle.ts';
import type { LaunchCommand, LaunchEvent } from './launch.ts';
import { obeySignals, obeySignalsOfOrphan } from './obey-signals.ts';
import { runGateway } from './run-gateway.ts';

/** Linux's. */
const openFiles = '/proc/self/fd';
const hurryPatienceMs = 2_000;

const inherited = new InheritedSockets();

process.title = 'portolan gateway';
closeStoreOfServer();

process.on('message', (command: LaunchCommand, handle: unknown) => {
  if (command.type === 'socket') inherited.add(command.name, command, handle as ListeningHandle);
  else if (command.type === 'datagrams') inherited.addDatagrams(command);
  else void run(command);
});

async function run(command: LaunchCommand & { type: 'start' }): Promise<void> {
  try {
    const gateway = await runGateway(command, inherited);
    if (command.settings.outliveMs === undefined) obeySignals(gateway);
    else obeySignalsOfOrphan(gateway);
    tell({ type: 'ready' });
    // A launcher that goes away changes nothing here.
    process.channel?.unref();
    const deadlineMs = await gateway.stopping;
    tell({ type: 'hurry', deadlineMs });
    await gateway.stopped;
    await predecessorGone(deadlineMs + hurryPatienceMs);
    process.exit(0);
  } catch (thrown) {
    const { code, message } = Fault.from(thrown);
    tell({ type: 'failed', code, message });
    process.exitCode = 1;
    if (process.connected) process.disconnect();
  }
}

/** LMDB opens its data without close-on-exec: a server's store is none of ours, and would stay open for as long as we outlive it. */
function closeStoreOfServer(): void {
  if (!existsSync(openFiles)) return;
  for (const fd of readdirSync(openFiles)) {
    try {
      if (readlinkSync(`${openFiles}/${fd}`).endsWith('.mdb')) closeSync(Number(fd));
    } catch {
      // The directory's own, closed by now.
    }
  }
}

/** Nothing is left of us only when the process that we took over from has ended, too. */
function predecessorGone(patienceMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected) return resolve();
    process.channel?.ref();
    process.once('disconnect', resolve);
    setTimeout(resolve, patienceMs);
  });
}

function tell(event: LaunchEvent): void {
  if (process.connected) process.send?.(event, undefined, {}, () => undefined);
}
