import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Clock, Random } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import { sameJson } from '@portolan/core/base/json.ts';
import { type ExecConfig, mergeConfigs, type TemplateConfig } from './config/config.ts';
import { parseArguments, templateFlags } from './config/from-flags.ts';
import { loadConfig, templateSpecs } from './config/load.ts';
import { ConsulClient } from './data/consul-client.ts';
import { defaultRetry } from './data/watched-data.ts';
import { type Machine, ownMachine } from './functions/machine.ts';
import { Child } from './run/child.ts';
import { prepare } from './run/rendering.ts';
import { Runner, type RunnerEvents } from './run/runner.ts';
import { childEnvironment, renderingEnvironment } from './run/surroundings.ts';

/** What the program has of the process around it. */
export interface ProgramIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly environment: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly random: Random;
  readonly version: string;
  /** Calls `handler` at each arrival of the signal; the returned function ends that. */
  readonly onSignal: (signal: NodeJS.Signals, handler: () => void) => () => void;
}

/** consul-template tries this often before it gives up; with `-once` nobody waits for ever. */
const onceAttempts = 12;
const defaultBlockWaitMs = 60_000;
const defaultKillTimeoutMs = 30_000;

/**
 * `portolan template`: consul-template's command line. Resolves with the exit code: 0, 1 for a failure, 2 for wrong arguments, in
 * exec mode the child's.
 */
export async function templateProgram(args: readonly string[], io: ProgramIo): Promise<number> {
  let parsed: ReturnType<typeof parseArguments>;
  let config: TemplateConfig;
  const read = (): TemplateConfig => mergeConfigs([...parsed.configs.map(loadConfig), parsed.config]);
  try {
    parsed = parseArguments(args);
    config = read();
  } catch (thrown) {
    io.stderr(`portolan template: ${Fault.from(thrown).message}\n`);
    return 2;
  }
  if (parsed.help) return say(io, helpText());
  if (parsed.version) return say(io, `${io.version}\n`);
  const logged = config.logFile === undefined ? io : withLogFile(io, config.logFile);
  try {
    return await start(config, read, logged);
  } catch (thrown) {
    if (!(thrown instanceof Told)) logged.stderr(`portolan template: ${Fault.from(thrown).message}\n`);
    return 1;
  }
}

/** The end for a reason that was reported when it came up. */
class Told extends Error {}

/** What is reported goes to the file too. It is opened anew each time: the file may be moved away meanwhile. */
function withLogFile(io: ProgramIo, path: string): ProgramIo {
  return {
    ...io,
    stderr(text) {
      io.stderr(text);
      try {
        appendFileSync(path, text);
      } catch (thrown) {
        io.stderr(`portolan template: log_file: ${Fault.from(thrown).message}\n`);
      }
    },
  };
}

function say(io: ProgramIo, text: string): number {
  io.stdout(text);
  return 0;
}

async function start(first: TemplateConfig, read: () => TemplateConfig, io: ProgramIo): Promise<number> {
  const stopping = new AbortController();
  const outcome = { exitCode: 0 };
  let config = checked(first, io);
  if (config.parseOnly === true) return 0;
  if (config.ignored.length > 0)
    io.stderr(`portolan template: without effect here: ${config.ignored.join(', ')}\n`);
  const unlisten = [config.killSignal ?? 'SIGINT', 'SIGTERM' as const].map((signal) =>
    io.onSignal(signal, () => stopping.abort()),
  );
  const pidFile = config.pidFile;
  if (pidFile !== undefined) writeFileSync(pidFile, `${process.pid}\n`);
  const onExit = (code: number): void => {
    outcome.exitCode = code;
    stopping.abort();
  };
  let child = childOf(config.exec, io, onExit);
  try {
    for (;;) {
      const fresh = await oneConfiguration(config, read, child, stopping.signal, io);
      if (fresh === undefined) break;
      if (!sameJson(fresh.exec, config.exec)) {
        await child?.stop();
        child = childOf(fresh.exec, io, onExit);
      }
      config = fresh;
    }
    await child?.stop();
    return outcome.exitCode;
  } finally {
    for (const end of unlisten) end();
    if (pidFile !== undefined) rmSync(pidFile, { force: true });
  }
}

/** The configuration, once its templates have been found to parse. */
function checked(config: TemplateConfig, io: ProgramIo): TemplateConfig {
  const specs = templateSpecs(config);
  if (specs.length === 0 && config.exec.command === undefined) {
    throw new Fault(
      'invalid',
      'nothing to do: give -template IN:OUT or -config FILE; see portolan template -help',
    );
  }
  for (const spec of specs) prepare(spec, machineOf(config, io));
  return config;
}

function machineOf(config: TemplateConfig, io: ProgramIo): Machine {
  const environment = renderingEnvironment(io.environment, consulAddress(config, io.environment));
  return ownMachine(environment, () => io.clock.wallMs());
}

/**
 * Runs until `signal` aborts, all is rendered once, or the reload signal comes: then it resolves with what the configuration is
 * now. One that cannot be used is reported, and the old one stays.
 */
async function oneConfiguration(
  config: TemplateConfig,
  read: () => TemplateConfig,
  child: Child | undefined,
  signal: AbortSignal,
  io: ProgramIo,
): Promise<TemplateConfig | undefined> {
  const reloading = new AbortController();
  let fresh: TemplateConfig | undefined;
  const client = new ConsulClient(consulAddress(config, io.environment), config.maxStaleMs);
  const once = config.once ?? false;
  const told = new WeakSet<Fault>();
  const runner = new Runner({
    templates: templateSpecs(config),
    client,
    clock: io.clock,
    machine: machineOf(config, io),
    retry: { ...defaultRetry, ...(once ? { attempts: onceAttempts } : {}), ...config.retry },
    blockWaitMs: config.blockQueryWaitMs ?? defaultBlockWaitMs,
    once,
    dry: config.dry ?? false,
    environment: io.environment,
    events: events(config, io, told),
    failsOnNothing: config.failsOnNothing ?? false,
    onPass: (changed) => {
      if (child === undefined || once) return;
      if (!child.running) child.start();
      else if (changed) child.reload();
    },
  });
  const unlisten = io.onSignal(config.reloadSignal ?? 'SIGHUP', () => {
    try {
      fresh = checked(read(), io);
      reloading.abort();
    } catch (thrown) {
      io.stderr(`portolan template: the configuration stays as it was: ${Fault.from(thrown).message}\n`);
    }
  });
  try {
    await runner.run(AbortSignal.any([signal, reloading.signal]));
    return signal.aborted ? undefined : fresh;
  } catch (thrown) {
    throw thrown instanceof Fault && told.has(thrown) ? new Told() : thrown;
  } finally {
    unlisten();
    client.close();
  }
}

/** Flags and files, then Consul's variables, then Portolan's, then the default. */
function consulAddress(config: TemplateConfig, environment: NodeJS.ProcessEnv) {
  const address =
    config.consul.address ?? environment.CONSUL_HTTP_ADDR ?? environment.PORTOLAN_SERVER ?? '127.0.0.1:8500';
  const named = environment.CONSUL_HTTP_TOKEN ?? environment.CONSUL_TOKEN;
  const token = config.consul.token ?? (config.consul.tokenFile === undefined ? named : undefined);
  return { ...config.consul, address, ...(token === undefined ? {} : { token }) };
}

function childOf(
  exec: Partial<ExecConfig>,
  io: ProgramIo,
  onExit: (code: number) => void,
): Child | undefined {
  if (exec.command === undefined) return undefined;
  return new Child({
    command: exec.command,
    environment: childEnvironment(io.environment, exec.environment),
    reloadSignal: exec.reloadSignal,
    killSignal: exec.killSignal ?? 'SIGINT',
    killTimeoutMs: exec.killTimeoutMs ?? defaultKillTimeoutMs,
    splayMs: exec.splayMs ?? 0,
    clock: io.clock,
    random: io.random,
    onExit,
  });
}

function events(config: TemplateConfig, io: ProgramIo, told: WeakSet<Fault>): RunnerEvents {
  const verbose = ['info', 'debug', 'trace'].includes((config.logLevel ?? 'warn').toLowerCase());
  const print = config.dry ?? false;
  return {
    rendered(spec, text) {
      if (print || spec.destination === '')
        io.stdout(`> ${spec.destination}\n${text}${text.endsWith('\n') ? '' : '\n'}`);
      else if (verbose) io.stderr(`portolan template: rendered ${spec.name} => ${spec.destination}\n`);
    },
    failed(what, fault) {
      told.add(fault);
      io.stderr(`portolan template: ${what}: ${fault.message}\n`);
    },
    waits(query) {
      // Whoever wants it once sits before a program that does not end.
      if (config.once) io.stderr(`portolan template: waits for ${query}: there is nothing yet\n`);
    },
    commandDone(command) {
      if (verbose) io.stderr(`portolan template: ran ${command}\n`);
    },
  };
}

function helpText(): string {
  const lines = [...templateFlags]
    .filter(([name, flag]) => !flag.help.includes('without effect') && name !== 'h' && name !== 'v')
    .map(
      ([name, flag]) =>
        `  ${`-${name}${flag.argument === undefined ? '' : ` ${flag.argument}`}`.padEnd(40)} ${flag.help}`,
    );
  return [
    'Usage: portolan template [-template IN:OUT[:COMMAND]] … [-config PATH] …',
    '',
    'Keeps files equal to what their templates make of the registry: consul-template’s language, flags and configuration.',
    '',
    'Examples:',
    "  portolan template -template 'haproxy.ctmpl:/etc/haproxy/haproxy.cfg:systemctl reload haproxy'",
    '  portolan template -once -dry -template in.ctmpl:out',
    '  portolan template -config /etc/consul-template.hcl',
    '',
    ...lines,
    '',
  ].join('\n');
}
