import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '@portolan/core/base/fault.ts';

/** Which process is the gateway of a state directory, and where it takes commands. */
export interface GatewayFile {
  readonly pid: number;
  /** Path of its control socket. */
  readonly socket: string;
}

const fileName = 'gateway.json';

export function gatewayFilePath(stateDir: string): string {
  return join(stateDir, fileName);
}

/** Of a Unix socket's path on Linux, `sockaddr_un`; macOS has 104. */
const maxSocketPath = 103;

/** Undefined: none was left, or it says nothing sensible. The process that it names may be gone. */
export function readGatewayFile(stateDir: string): GatewayFile | undefined {
  try {
    const { pid, socket } = JSON.parse(
      readFileSync(gatewayFilePath(stateDir), 'utf8'),
    ) as Partial<GatewayFile>;
    return typeof pid === 'number' && typeof socket === 'string' ? { pid, socket } : undefined;
  } catch {
    return undefined;
  }
}

/** Says that this process is the gateway of `stateDir` from now on. */
export function writeGatewayFile(stateDir: string, file: GatewayFile): void {
  const path = gatewayFilePath(stateDir);
  writeFileSync(`${path}.${file.pid}`, `${JSON.stringify(file)}\n`, { mode: 0o600 });
  renameSync(`${path}.${file.pid}`, path);
}

/** Whether the gateway of `stateDir` was killed: its workers may still be there. Takes away its socket. */
export function wasKilled(stateDir: string): boolean {
  const file = readGatewayFile(stateDir);
  if (file === undefined) return false;
  try {
    process.kill(file.pid, 0);
    return false;
  } catch {
    rmSync(file.socket, { force: true });
    return true;
  }
}

/** Takes the file away if it still names `pid`. */
export function removeGatewayFile(stateDir: string, pid: number): void {
  if (readGatewayFile(stateDir)?.pid === pid) rmSync(gatewayFilePath(stateDir), { force: true });
}

/** Where the process `pid` takes commands: in its state directory, unless that has too long a path for a socket. */
export function controlSocketPath(stateDir: string, pid: number): string {
  const inside = join(stateDir, `gateway-${pid}.sock`);
  if (Buffer.byteLength(inside) <= maxSocketPath) return inside;
  const directory = join(
    tmpdir(),
    `portolan-${createHash('sha256').update(stateDir).digest('hex').slice(0, 16)}`,
  );
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { uid, mode } = lstatSync(directory);
  // Anybody may have made it first, to sit between us and who gives us commands.
  if (uid !== process.getuid?.() || (mode & 0o077) !== 0) {
    throw new Fault(
      'denied',
      `the control socket: ${directory} is not ours alone; remove it, or take a state directory with a shorter path`,
    );
  }
  return join(directory, `${pid}.sock`);
}
