import { spawn } from 'node:child_process';
import { Fault } from '@portolan/core/base/fault.ts';

/** A program and its arguments, or one line for `sh -c`. */
export type CommandLine = readonly string[];

/** The text of a command in a configuration: one string is a shell's, several are a program and its arguments. */
export function commandLine(words: readonly string[]): CommandLine {
  const [only = ''] = words;
  return words.length === 1 ? ['sh', '-c', only] : words;
}

/** The last this many characters of what a failing command printed go into the message. */
const maxOutput = 2000;

/**
 * Runs a command to its end. Rejects with a `Fault` if it cannot be started, fails, or takes longer than `timeoutMs`: then its whole
 * process group is killed.
 */
export function runCommand(
  command: CommandLine,
  options: { timeoutMs: number; environment: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<void> {
  const [program = '', ...args] = command;
  const shown = command[0] === 'sh' ? (command[2] ?? '') : command.join(' ');
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: options.environment,
      detached: true,
    });
    let output = '';
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-maxOutput);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    let reason = '';
    const stop = (why: string): void => {
      reason = why;
      killGroup(child.pid);
    };
    const timer = setTimeout(() => stop(`took longer than ${options.timeoutMs} ms`), options.timeoutMs);
    const abort = (): void => stop('was cancelled');
    options.signal.addEventListener('abort', abort, { once: true });
    const settle = (problem: string | undefined, cause?: unknown): void => {
      clearTimeout(timer);
      options.signal.removeEventListener('abort', abort);
      if (problem === undefined) resolve();
      else
        reject(
          new Fault(
            'unavailable',
            `command ${JSON.stringify(shown)} ${problem}${output === '' ? '' : `: ${output.trim()}`}`,
            { cause },
          ),
        );
    };
    child.on('error', (error) => settle(`cannot be started: ${error.message}`, error));
    child.on('exit', (code, killedBy) => {
      if (code === 0) settle(undefined);
      else
        settle(
          reason === ''
            ? `failed with ${code === null ? `signal ${killedBy}` : `exit code ${code}`}`
            : reason,
        );
    });
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}
