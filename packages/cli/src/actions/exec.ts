import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { serviceEnvironment } from '@portolan/client/discovery/environment.ts';
import { type ServiceWatch, watchService } from '@portolan/client/discovery/service-watch.ts';
import { systemClock } from '@portolan/client/system-clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Session } from '../session.ts';
import { environmentOf } from './environment.ts';

export interface ExecFlags {
  readonly service: readonly string[];
  /** Service manifests of it too, which are not watched. */
  readonly namespace?: string;
  /** `ignore`, `restart` or a signal's name. */
  readonly onChange: string;
  readonly killTimeoutMs: number;
}

/** How often the watched lists are compared with what the program was started with. */
const compareMs = 200;

/**
 * `portolan exec --service NAME -- CMD`: runs a program with the services' variables and, on a change, restarts or signals it.
 * Resolves with the program's exit code. Waits for a first passing instance of each service, at most `--timeout`.
 */
export async function execute(
  session: Session,
  command: readonly string[],
  flags: ExecFlags,
): Promise<number> {
  const reaction = reactionOf(flags.onChange);
  if (flags.service.length === 0 || flags.namespace !== undefined) {
    return runOnce(session, command, flags, reaction);
  }
  const context = {
    registry: session.registry,
    clock: systemClock,
    random: Math.random,
    onProblem: () => {},
  };
  const watches = new Map(flags.service.map((name) => [name, watchService(context, name)]));
  try {
    await firstInstances(session, watches);
    return await supervise(session, command, watches, reaction, flags.killTimeoutMs);
  } finally {
    await Promise.all([...watches.values()].map((watch) => watch.stop()));
  }
}

/**
 * Without `--service`: the variables of all services, as `portolan env` prints them. There may be thousands: none is watched. Nor are the
 * virtual addresses of a namespace: they do not change.
 */
async function runOnce(
  session: Session,
  command: readonly string[],
  { service, namespace }: ExecFlags,
  reaction: Reaction,
): Promise<number> {
  if (reaction.kind !== 'ignore') {
    const problem =
      namespace === undefined
        ? 'name the services that it looks at: --service NAME'
        : 'virtual addresses do not change: leave out --namespace to follow instances';
    throw new Fault('invalid', `--on-change: ${problem}`);
  }
  const child = start(session, command, await environmentOf(session, service, namespace));
  const unlisten = forwardSignals(() => child);
  try {
    return await child.ended;
  } finally {
    unlisten();
  }
}

type Reaction =
  | { readonly kind: 'ignore' }
  | { readonly kind: 'restart' }
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals };

function reactionOf(text: string): Reaction {
  if (text === 'ignore' || text === 'restart') return { kind: text };
  const signal = text.startsWith('SIG') ? text : `SIG${text}`;
  if (Object.hasOwn(constants.signals, signal)) return { kind: 'signal', signal: signal as NodeJS.Signals };
  throw new Fault('invalid', `--on-change: must be ignore, restart or a signal such as HUP, not '${text}'`);
}

async function firstInstances(session: Session, watches: ReadonlyMap<string, ServiceWatch>): Promise<void> {
  for (const [name, watch] of watches) {
    await watch.first(session.signal);
    while ((watch.current() ?? []).length === 0) {
      if (session.signal.aborted) {
        throw new Fault(
          'timeout',
          `no instance of '${name}' is passing; 'portolan services ${name} -o wide' shows why, --timeout waits longer.`,
        );
      }
      await pause(compareMs);
    }
  }
}

function variablesOf(watches: ReadonlyMap<string, ServiceWatch>): Record<string, string> {
  return Object.assign(
    {},
    ...[...watches].map(([name, watch]) => serviceEnvironment(name, watch.current() ?? [])),
  );
}

async function supervise(
  session: Session,
  command: readonly string[],
  watches: ReadonlyMap<string, ServiceWatch>,
  reaction: Reaction,
  killTimeoutMs: number,
): Promise<number> {
  let variables = variablesOf(watches);
  let child = start(session, command, variables);
  const unlisten = forwardSignals(() => child);
  try {
    for (;;) {
      const ended = await Promise.race([child.ended, pause(compareMs)]);
      if (ended !== undefined) return ended;
      const now = variablesOf(watches);
      // A service that has no instance left keeps its last variables: an empty answer helps nobody.
      const changed = Object.keys(now).length > 0 && JSON.stringify(now) !== JSON.stringify(variables);
      if (!changed || reaction.kind === 'ignore') continue;
      variables = now;
      if (reaction.kind === 'signal') child.process.kill(reaction.signal);
      else {
        await stop(child, killTimeoutMs);
        child = start(session, command, variables);
      }
    }
  } finally {
    unlisten();
  }
}

/** Whatever this process is told goes to the program that runs now. The returned function ends that. */
function forwardSignals(running: () => Running): () => void {
  const forward = (signal: NodeJS.Signals): void => void running().process.kill(signal);
  const signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, forward);
  return () => {
    for (const signal of signals) process.off(signal, forward);
  };
}

/** As shells have it: there is no such program, and it is there but cannot be run. */
const exitNoProgram = 127;
const exitNotExecutable = 126;

interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<number>;
}

function start(
  session: Session,
  command: readonly string[],
  variables: Readonly<Record<string, string>>,
): Running {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: 'inherit', env: { ...session.io.env, ...variables } });
  const ended = new Promise<number>((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      session.io.err(`portolan: cannot start '${program}': ${error.message}\n`);
      resolve(error.code === 'ENOENT' ? exitNoProgram : exitNotExecutable);
    });
    child.on('exit', (code, signal) =>
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]),
    );
  });
  return { process: child, ended };
}

async function stop(child: Running, killTimeoutMs: number): Promise<void> {
  child.process.kill('SIGTERM');
  const timer = setTimeout(() => child.process.kill('SIGKILL'), killTimeoutMs);
  await child.ended;
  clearTimeout(timer);
}

function pause(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms));
}
