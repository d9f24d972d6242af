import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { Fault } from '@portolan/core/base/fault.ts';
import type { GatewayProgram, GatewayStart } from './launch.ts';
import type { GatewayStatus } from './status.ts';

/** What a gateway process can be told over its control socket. Each rejects with a `Fault`. */
export interface GatewayCommands {
  /** Asking the workers takes a while where the model is large. */
  status(withWorkers: boolean): Promise<GatewayStatus>;
  /** A server says that it lives for as long as this response is open. */
  attach(servers: readonly string[], response: ServerResponse): void;
  reload(): Promise<void>;
  /** Another process takes over; resolves when it serves. Default: the same program and settings. */
  upgrade(next: { readonly program?: GatewayProgram; readonly start?: GatewayStart }): Promise<void>;
  /** Begins to stop. */
  stop(options: StopOptions): void;
  setLogLevel(level: string): void;
}

export interface StopOptions {
  /** For what is under way; default: the setting `drain-timeout`. */
  readonly deadlineMs?: number;
  /** For so long before it only says that it is not ready, so that a balancer in front of it looks elsewhere; default 0. */
  readonly graceMs?: number;
}

export interface ControlServer {
  close(): void;
}

/** Settings are small. */
const maxBodyBytes = 1_048_576;
const maxConnections = 64;

/**
 * Takes commands over a Unix socket that only the owner of the process may connect to: `GET /status`, `POST /attach`, `/reload`, `/upgrade`,
 * `/stop`, `PUT /log-level`; bodies and answers are JSON.
 */
export async function controlServer(path: string, commands: GatewayCommands): Promise<ControlServer> {
  const server = createServer((request, response) => {
    answer(commands, request, response).catch((thrown) => {
      const { code, message } = Fault.from(thrown);
      reply(response, statusOf(code), { error: { code, message } });
    });
  });
  server.maxConnections = maxConnections;
  // A reload takes as long as it takes, and an attached server says nothing for days.
  server.requestTimeout = 0;
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new Fault('unavailable', `the control socket ${path} cannot be bound: ${cause.message}`, { cause }),
      ),
    );
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  return {
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(
  commands: GatewayCommands,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const what = `${request.method} ${request.url}`;
  const body = await bodyOf(request);
  switch (what) {
    case 'GET /status':
      return reply(response, 200, await commands.status(false));
    case 'GET /status?workers':
      return reply(response, 200, await commands.status(true));
    case 'POST /attach':
      return commands.attach(body.servers as readonly string[], response);
    case 'POST /reload':
      await commands.reload();
      return reply(response, 200, {});
    case 'POST /upgrade':
      await commands.upgrade(body);
      return reply(response, 200, {});
    case 'POST /stop':
      commands.stop(body);
      return reply(response, 200, {});
    case 'PUT /log-level':
      commands.setLogLevel(String(body.level));
      return reply(response, 200, {});
    default:
      throw new Fault('not-found', `there is no command ${what}`);
  }
}

/** Who writes here is the owner of this process: what it says is taken as it is. */
async function bodyOf(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) {
    throw new Fault('too-large', `a command may have ${maxBodyBytes} bytes`);
  }
  const json = await text(request);
  return json === '' ? {} : (JSON.parse(json) as Record<string, unknown>);
}

function reply(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify(body));
}

function statusOf(code: string): number {
  const statuses: Readonly<Record<string, number>> = {
    invalid: 400,
    'not-found': 404,
    conflict: 409,
    'too-large': 413,
  };
  return statuses[code] ?? 500;
}
