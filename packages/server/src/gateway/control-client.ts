import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { Fault, type FaultCode } from '@portolan/core/base/fault.ts';
import { type GatewayFile, readGatewayFile } from './gateway-file.ts';
import type { AttachEvent, GatewayState, GatewayStatus } from './status.ts';

/** A living gateway process, spoken to over its control socket. */
export interface GatewayControl {
  readonly pid: number;
  /** Without its workers by default: asking them takes a while where the model is large. */
  status(withWorkers?: boolean): Promise<GatewayStatus>;
  /** `POST` or `PUT` of a command with its body; resolves when it is done, rejects with its `Fault`. */
  command(what: string, body?: object): Promise<void>;
  /** Is attached from when `onState` is first called. `onEnd` is called once, when it is no more. Returns what ends it. */
  attach(servers: readonly string[], listener: AttachListener): () => void;
}

export interface AttachListener {
  onState(state: GatewayState): void;
  onLog(line: string): void;
  onEnd(): void;
}

/** A process that lives answers this within the time, however much it has to do. */
const statusPatienceMs = 5_000;
/** Replacing processes one by one, or a whole one. */
const commandPatienceMs = 120_000;

/** The gateway of a state directory; undefined: there is none, or it is dead. */
export async function findGateway(
  stateDir: string,
): Promise<{ readonly control: GatewayControl; readonly status: GatewayStatus } | undefined> {
  const file = readGatewayFile(stateDir);
  if (file === undefined) return undefined;
  const control = gatewayControl(file);
  try {
    return { control, status: await control.status() };
  } catch {
    return undefined;
  }
}

function gatewayControl({ pid, socket }: GatewayFile): GatewayControl {
  return {
    pid,
    async status(withWorkers = false) {
      const what = withWorkers ? 'GET /status?workers' : 'GET /status';
      const response = await send(socket, what, undefined, statusPatienceMs);
      return JSON.parse(await text(response)) as GatewayStatus;
    },
    async command(what, body) {
      (await send(socket, what, body, commandPatienceMs)).resume();
    },
    attach(servers, listener) {
      const abort = new AbortController();
      let ended = false;
      const end = (): void => {
        if (!ended) listener.onEnd();
        ended = true;
      };
      send(socket, 'POST /attach', { servers }, statusPatienceMs, abort.signal).then((response) => {
        onLines(response, (line) => {
          const event = JSON.parse(line) as AttachEvent;
          if (event.type === 'state') listener.onState(event.state);
          else listener.onLog(event.line);
        });
        response.on('error', () => undefined);
        response.on('close', end);
      }, end);
      return () => {
        ended = true;
        abort.abort();
      };
    },
  };
}

/** Resolves with a response of status 200, its body still to come. */
function send(
  socketPath: string,
  what: string,
  body: object | undefined,
  patienceMs: number,
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  const [method, path] = what.split(' ');
  const json = body === undefined ? '' : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const call = request({
      ...{ socketPath, method, path, agent: false },
      headers: { host: 'gateway', 'content-length': Buffer.byteLength(json) },
      ...(signal === undefined ? {} : { signal }),
    });
    const timer = setTimeout(
      () => call.destroy(new Fault('timeout', `the gateway did not answer ${what} within ${patienceMs} ms`)),
      patienceMs,
    );
    call.on('error', (cause) => {
      clearTimeout(timer);
      reject(
        cause instanceof Fault ? cause : new Fault('unavailable', `the gateway: ${cause.message}`, { cause }),
      );
    });
    call.on('response', (response) => {
      clearTimeout(timer);
      if (response.statusCode === 200) resolve(response);
      else text(response).then((said) => reject(faultOf(said)), reject);
    });
    call.end(json);
  });
}

function faultOf(body: string): Fault {
  const { error } = JSON.parse(body) as { error?: { code: FaultCode; message: string } };
  return new Fault(error?.code ?? 'internal', error?.message ?? body);
}

function onLines(response: IncomingMessage, onLine: (line: string) => void): void {
  let rest = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
}
