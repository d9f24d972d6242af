import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { currentText } from '@portolan/template/run/file-writer.ts';
import type { Reload } from './config.ts';

/** How nginx took being told to reload. It has only heard of it then: whether it did is to be asked for. */
export type Told =
  | { readonly kind: 'told' }
  /** There is none to be told; it reads the files when it starts. */
  | { readonly kind: 'not-running'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** `systemctl reload` waits for nginx; nobody's takes longer. */
const commandTimeoutMs = 30_000;

export function tellReload(reload: Reload): Promise<Told> {
  return reload.kind === 'command' ? runCommand(reload.command) : Promise.resolve(signal(reload.pidFile));
}

function signal(pidFile: string): Told {
  const pid = readPid(pidFile);
  if (pid === undefined) return { kind: 'not-running', reason: `${pidFile} names no process` };
  if (!isNginx(pid))
    return { kind: 'not-running', reason: `process ${pid}, which ${pidFile} names, is no nginx` };
  try {
    process.kill(pid, 'SIGHUP');
    return { kind: 'told' };
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    if (code === 'ESRCH') return { kind: 'not-running', reason: `process ${pid} of ${pidFile} is gone` };
    return { kind: 'failed', reason: `process ${pid} of ${pidFile} cannot be signalled: ${code}` };
  }
}

/** Undefined: no file, or no number in it. */
export function readPid(pidFile: string): number | undefined {
  const text = currentText(pidFile)?.trim() ?? '';
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}

/** A file may name a process that is long gone, and its number another that SIGHUP would end. */
export function isNginx(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('nginx');
  } catch {
    return false;
  }
}

function runCommand(command: string): Promise<Told> {
  return new Promise((resolve) => {
    execFile('/bin/sh', ['-c', command], { timeout: commandTimeoutMs }, (error, stdout, stderr) => {
      if (error === null) resolve({ kind: 'told' });
      else {
        const said = (stderr || stdout || error.message).trim().slice(-500);
        resolve({ kind: 'failed', reason: `the reload command failed: ${said}` });
      }
    });
  });
}
