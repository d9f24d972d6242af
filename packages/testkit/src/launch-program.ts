import { type ChildProcess, spawn } from 'node:child_process';
import { waitUntil } from './wait-until.ts';

/** Enough for any failure's story; a program that logs on is cut at the front. */
const maxOutputChars = 256 * 1024;

export interface ProgramOptions {
  readonly command: string;
  readonly args?: readonly string[];
  /** Added to this process' own environment; `undefined` takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** When is it ready: a pattern in its output, or a condition that is polled. Default: as soon as it was started. */
  readonly ready?: RegExp | ((program: Program) => boolean | Promise<boolean>);
  /** Default 20,000. */
  readonly readyTimeoutMs?: number;
  /** Stops the program when this test ends. Pass it whenever there is one. */
  readonly test?: TestScope;
  /** Also called when the program was stopped, to remove what was made for it. */
  readonly cleanUp?: () => void | Promise<void>;
}

/** What `node:test` gives a test as its context, as far as it is needed here. */
export interface TestScope {
  after(callback: () => Promise<void>): void;
}

export interface Program extends AsyncDisposable {
  readonly pid: number;
  /** The end of what it wrote to stdout and stderr. */
  output(): string;
  /** Sends a signal to the program alone, not to its children. */
  kill(signal: NodeJS.Signals): void;
  /** Settles when it has ended, for whatever reason. */
  readonly exited: Promise<ProgramExit>;
  /** SIGTERM, after `graceMs` (default 5,000) SIGKILL; then kills whatever is left of its process group. */
  stop(graceMs?: number): Promise<ProgramExit>;
}

export interface ProgramExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * Starts a real program in a process group of its own and waits until it is ready. The whole group is killed when the test
 * ends, and also when this process dies in any way, `kill -9` included.
 */
export async function launchProgram(options: ProgramOptions): Promise<Program> {
  const child = spawn(options.command, options.args ?? [], {
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = collectOutput(child);
  const exited = exitOf(child);
  const { pid } = child;
  if (pid === undefined) {
    const error = await new Promise<Error>((resolve) => child.once('error', resolve));
    await options.cleanUp?.();
    throw error;
  }
  const program = programOf(pid, output, exited, options.cleanUp);
  options.test?.after(async () => void (await program.stop()));
  try {
    await untilReady(program, options);
  } catch (error) {
    await program.stop(0);
    throw error;
  }
  return program;
}

function programOf(
  pid: number,
  output: () => string,
  exited: Promise<ProgramExit>,
  cleanUp: ProgramOptions['cleanUp'],
): Program {
  const removeWatchdog = watchdog(pid);
  let stopped: Promise<ProgramExit> | undefined;
  const stop = async (graceMs: number): Promise<ProgramExit> => {
    signalTo(pid, 'SIGTERM');
    const timer = setTimeout(() => signalTo(-pid, 'SIGKILL'), graceMs);
    const exit = await exited;
    clearTimeout(timer);
    signalTo(-pid, 'SIGKILL');
    removeWatchdog();
    await cleanUp?.();
    return exit;
  };
  const stopOnce = (graceMs = 5_000): Promise<ProgramExit> => {
    stopped ??= stop(graceMs);
    return stopped;
  };
  return {
    pid,
    output,
    exited,
    kill: (signal) => signalTo(pid, signal),
    stop: stopOnce,
    [Symbol.asyncDispose]: async () => void (await stopOnce()),
  };
}

async function untilReady(program: Program, options: ProgramOptions): Promise<void> {
  const { ready } = options;
  if (ready === undefined) return;
  let exit: ProgramExit | undefined;
  void program.exited.then((value) => {
    exit = value;
  });
  const isReady = ready instanceof RegExp ? () => ready.test(program.output()) : () => ready(program);
  try {
    await waitUntil(async () => exit !== undefined || (await isReady()), {
      timeoutMs: options.readyTimeoutMs ?? 20_000,
      what: `${options.command} to be ready`,
    });
  } catch (error) {
    throw new Error(`${options.command} did not become ready; it wrote:\n${program.output()}`, {
      cause: error,
    });
  }
  if (exit !== undefined) {
    throw new Error(
      `${options.command} ended with ${exit.signal ?? exit.code} before it was ready; it wrote:\n${program.output()}`,
    );
  }
}

function collectOutput(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-maxOutputChars);
    });
  }
  return () => text;
}

function exitOf(child: ChildProcess): Promise<ProgramExit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.on('error', () => undefined);
  });
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Kills the process group when this process is gone: a shell waits for the end of a pipe that only we hold, which the kernel
 * closes however we die. Returns what calls it off.
 */
function watchdog(group: number): () => void {
  const shell = spawn('/bin/sh', ['-c', `read -r stand_down || kill -s KILL -- -${group}`], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.unref();
  shell.on('error', () => undefined);
  shell.stdin.on('error', () => undefined);
  (shell.stdin as unknown as { unref?: () => void }).unref?.();
  return () => shell.stdin.end('stand down\n');
}
