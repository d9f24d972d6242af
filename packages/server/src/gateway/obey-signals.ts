import { constants } from 'node:os';
import type { RunningGateway } from './run-gateway.ts';

/** A gateway process that stands alone: the first signal drains, the second ends at once, SIGHUP replaces the workers. */
export function obeySignals(gateway: RunningGateway): void {
  let asked = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (asked) process.exit(128 + constants.signals[signal]);
      asked = true;
      gateway.log.info({ signal }, 'stopping');
      gateway.stop();
    });
  }
  process.on('SIGHUP', () => {
    gateway
      .reload()
      .catch((thrown) => gateway.log.error({ err: thrown }, 'the workers could not be replaced'));
  });
}

/**
 * The process of a server's own gateway: while the server lives it decides, for a Ctrl-C in a terminal reaches the whole process group. Once
 * it is gone, signals stop the gateway.
 */
export function obeySignalsOfOrphan(gateway: RunningGateway): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (gateway.owned) return;
      gateway.log.info({ signal }, 'stopping');
      gateway.stop();
    });
  }
  process.on('SIGHUP', () => undefined);
}
