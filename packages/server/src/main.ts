import { constants } from 'node:os';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Logger } from 'pino';
import type { FlagValues } from './config/flags.ts';
import { loadSettings } from './config/load.ts';
import type { Settings } from './config/settings.ts';
import { bracketed } from './config/values.ts';
import { createLog } from './log.ts';
import { type RunningServer, startServer } from './server.ts';

/** Of `sysexits.h`, as far as the server has a use for them beside 0, 1 and 2. */
const exitSoftware = 70;

/**
 * `portolan server`: runs until SIGTERM or SIGINT and resolves with the exit code: 0 after a drain, 1 when it could not start,
 * 2 for settings that make no sense. The second signal ends the process at once (128 + its number). SIGHUP reads the settings
 * again. It owns the process: a promise that nobody awaited or an error that nobody caught is logged and ends it with 70.
 */
export async function runServer(
  flags: FlagValues,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<number> {
  const startedMs = performance.now();
  let settings: Settings;
  try {
    settings = loadSettings(flags, env);
  } catch (thrown) {
    return complain(thrown, 2);
  }
  const log = createLog(settings.log);
  for (const warning of settings.warnings) log.warn(warning);
  dieOfDefects(log);
  const asked = stopSignals();
  const ignoreHangUp = onHangUp(() => reload(settings, flags, env, log));
  let server: RunningServer;
  try {
    server = await startServer(settings, { log });
  } catch (thrown) {
    const fault = Fault.from(thrown);
    if (fault.code === 'internal') log.fatal({ err: thrown }, 'the server could not start');
    return complain(thrown, fault.code === 'invalid' ? 2 : 1);
  }
  process.stdout.write(banner(server, settings, performance.now() - startedMs));
  const signal = await asked.first;
  log.info({ signal, drainTimeoutMs: settings.drainTimeoutMs }, 'stopping');
  const drained = server.stop();
  const again = await Promise.race([drained, asked.second]);
  if (again !== undefined) {
    log.warn({ signal: again }, 'stopping at once');
    await server.kill();
    process.exit(128 + constants.signals[again]);
  }
  ignoreHangUp();
  asked.forget();
  return 0;
}

function complain(thrown: unknown, code: number): number {
  for (const line of Fault.from(thrown).message.split('\n')) process.stderr.write(`portolan: ${line}\n`);
  return code;
}

/** Never silent, and never on with a state that nobody understands: what was acknowledged is on the disk. */
function dieOfDefects(log: Logger): void {
  const die = (what: string) => (error: unknown) => {
    log.fatal({ err: error }, what);
    process.exit(exitSoftware);
  };
  process.on('uncaughtException', die('an error that nobody caught'));
  process.on('unhandledRejection', die('a promise that nobody awaited'));
}

interface StopSignals {
  readonly first: Promise<NodeJS.Signals>;
  readonly second: Promise<NodeJS.Signals>;
  forget(): void;
}

function stopSignals(): StopSignals {
  const first = Promise.withResolvers<NodeJS.Signals>();
  const second = Promise.withResolvers<NodeJS.Signals>();
  let count = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    count += 1;
    (count === 1 ? first : second).resolve(signal);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return {
    first: first.promise,
    second: second.promise,
    forget: () => void process.off('SIGTERM', onSignal).off('SIGINT', onSignal),
  };
}

function onHangUp(callback: () => void): () => void {
  process.on('SIGHUP', callback);
  return () => void process.off('SIGHUP', callback);
}

/** Only the log's level changes while it runs; everything else is said to need a restart. */
function reload(before: Settings, flags: FlagValues, env: NodeJS.ProcessEnv, log: Logger): void {
  let after: Settings;
  try {
    after = loadSettings(flags, env);
  } catch (thrown) {
    log.error({ problems: Fault.from(thrown).message.split('\n') }, 'SIGHUP: the settings stay as they were');
    return;
  }
  log.level = after.log.level;
  const changed = Object.entries(after.origins)
    .filter(([key, origin]) => before.origins[key as keyof Settings['origins']].given !== origin.given)
    .map(([key]) => key);
  const needRestart = changed.filter((key) => key !== 'log.level');
  log.info({ changed, needRestart }, 'SIGHUP: the settings were read again');
}

function banner(server: RunningServer, settings: Settings, tookMs: number): string {
  const { identity } = server;
  const store =
    settings.store === 'memory' ? 'memory (nothing is kept)' : `${settings.store} in ${settings.dataDir}`;
  const rows = server.listeners.map(
    ({ name, address, port, protocols }) =>
      `  ${name.padEnd(12)} ${`${bracketed(address)}:${port}`.padEnd(21)} ${protocols.join(', ')}\n`,
  );
  return [
    `Portolan ${identity.version}  node ${identity.node}  datacenter ${identity.datacenter}  store ${store}\n`,
    ...rows,
    `Ready in ${(tookMs / 1000).toFixed(2)} s. Ctrl-C stops it.\n`,
  ].join('');
}
