import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Fault, type FaultCode } from '@portolan/core/base/fault.ts';
import { compileCacheFor } from '../proxy/compile-cache.ts';
import type { BoundSockets } from '../proxy/inherited-sockets.ts';
import type { ListeningHandle } from '../proxy/listening-handle.ts';
import type { GatewaySettings } from './settings.ts';

/** The program that a gateway process runs. Another version's lies elsewhere, or has another Node. */
export interface GatewayProgram {
  readonly execPath: string;
  readonly file: string;
}

export const ownProgram: GatewayProgram = {
  execPath: process.execPath,
  file: fileURLToPath(new URL('./gateway-process.ts', import.meta.url)),
};

/** What a new process is told first, and by whoever launches it: a server, or the process that it takes over from. */
export interface GatewayStart {
  readonly settings: GatewaySettings;
  /** Base URLs of the control plane. */
  readonly servers: readonly string[];
}

/** From the launcher. `socket` comes with a listening handle. */
export type LaunchCommand =
  | { readonly type: 'socket'; readonly name: string; readonly address: string; readonly port: number }
  /** The launcher takes datagrams there, on sockets that it keeps. */
  | { readonly type: 'datagrams'; readonly address: string; readonly port: number }
  /** After the sockets. */
  | ({ readonly type: 'start' } & GatewayStart);

/** To the launcher. */
export type LaunchEvent =
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly code: FaultCode; readonly message: string }
  /** The successor stops: what its predecessor still has under way ends by then, too. */
  | { readonly type: 'hurry'; readonly deadlineMs: number };

/** One that says nothing for so long is killed. A large model at a cold start takes a few seconds. */
const launchPatienceMs = 30_000;

/**
 * Starts a gateway process, hands it `sockets` (ours stay open), and resolves when it serves. Rejects with its `Fault`, and then it is gone.
 * It lives on when this process ends; the channel to it stays open until one side closes it.
 */
export async function launchGateway(
  start: GatewayStart,
  sockets: readonly BoundSockets[] = [],
  program: GatewayProgram = ownProgram,
): Promise<ChildProcess> {
  const child = fork(program.file, [], {
    execPath: program.execPath,
    execArgv: [],
    env: { ...process.env, NODE_COMPILE_CACHE: compileCacheFor(start.settings.stateDir) },
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const send = (command: LaunchCommand, handle?: ListeningHandle): void => {
    // Node passes a bare TCP handle as it passes a net.Server; its types only know the latter.
    if (child.connected) child.send(command, handle as never, {}, () => undefined);
  };
  for (const { name, address, port, handles } of sockets) {
    if (handles.length === 0) send({ type: 'datagrams', address, port });
    for (const handle of handles) send({ type: 'socket', name, address, port }, handle);
  }
  send({ type: 'start', ...start });
  const timer = setTimeout(() => child.kill('SIGKILL'), launchPatienceMs);
  try {
    await untilReady(child);
    return child;
  } finally {
    clearTimeout(timer);
  }
}

function untilReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (how: () => void): void => {
      child.off('message', onMessage).off('exit', onExit).off('error', onError);
      how();
    };
    const onMessage = (event: LaunchEvent): void => {
      if (event.type === 'ready') settle(resolve);
      if (event.type === 'failed') settle(() => reject(new Fault(event.code, event.message)));
    };
    const onExit = (code: number | null, signal: string | null): void =>
      settle(() =>
        reject(new Fault('unavailable', `the gateway's process ended at its start (${signal ?? code})`)),
      );
    const onError = (cause: Error): void =>
      settle(() =>
        reject(
          new Fault('unavailable', `the gateway's process cannot be started: ${cause.message}`, { cause }),
        ),
      );
    child.on('message', onMessage).on('exit', onExit).on('error', onError);
  });
}
