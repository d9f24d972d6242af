import type { Clock } from '@portolan/core/base/clock.ts';
import type { ActiveCheck } from '@portolan/core/traffic/model.ts';
import type { ConnectGuard } from '../connect-guard.ts';
import type { EndpointState } from '../endpoint-state.ts';
import { HeadBuffer } from '../http1/head-buffer.ts';
import { ResponseReader } from '../http1/response-reader.ts';
import type { Channel } from '../upstream/cluster-tls.ts';
import { UpstreamConnection, type UpstreamUser } from '../upstream-connection.ts';
import { checkGrpc } from './check-grpc.ts';

export interface ProbeContext {
  readonly clock: Clock;
  readonly guard: ConnectGuard;
  /** How the cluster's endpoints are spoken to, in clear or over TLS, for a request to `host`. */
  channel(host: string): Channel;
}

/** What a path or a host may consist of: anything else would end the line that it stands in. */
const inLine = /^[\x21-\x7e]+$/;

/**
 * Asks an endpoint once whether it is well, on a connection of its own. `done` is called once, unless the returned function, which
 * breaks it off, was called before.
 */
export function runCheck(
  endpoint: EndpointState,
  check: ActiveCheck,
  context: ProbeContext,
  done: (passed: boolean) => void,
): () => void {
  let over = false;
  let end = (): void => undefined;
  const finish = (passed: boolean | undefined): void => {
    if (over) return;
    over = true;
    cancelTimer();
    end();
    if (passed !== undefined) done(passed);
  };
  const cancelTimer = context.clock.after(check.timeoutMs, () => finish(false));
  const { probe } = check;
  if (probe.type === 'grpc') {
    end = checkGrpc(endpoint, probe.service, context, finish);
  } else {
    const user = probe.type === 'tcp' ? new TcpProbe(finish) : new HttpProbe(endpoint, probe, finish);
    const channel = context.channel(probe.type === 'http' ? (probe.host ?? '') : '');
    const connection = new UpstreamConnection(endpoint, context.guard, user, channel);
    user.connection = connection;
    end = () => connection.destroy();
  }
  return () => finish(undefined);
}

/** Passes when it can be connected to; over TLS, if the cluster speaks it. */
class TcpProbe implements UpstreamUser {
  connection: UpstreamConnection | undefined;
  protected readonly finish: (passed: boolean) => void;

  constructor(finish: (passed: boolean) => void) {
    this.finish = finish;
  }

  onUpstreamConnected(): void {
    this.finish(true);
  }

  onUpstreamBytes(_bytes: Buffer, _start: number, _end: number): void {}

  onUpstreamEnd(): void {
    this.finish(false);
  }

  onUpstreamDrain(): void {}

  onUpstreamClose(): void {
    this.finish(false);
  }
}

type HttpCheck = Extract<ActiveCheck['probe'], { readonly type: 'http' }>;

const anySuccess: readonly (readonly [number, number])[] = [[200, 299]];

/** Passes when the answer's status is an expected one; its body is not read. */
class HttpProbe extends TcpProbe {
  readonly #text: string;
  readonly #expected: readonly (readonly [number, number])[];
  readonly #head = new HeadBuffer();
  readonly #reader = new ResponseReader();

  constructor(endpoint: EndpointState, check: HttpCheck, finish: (passed: boolean) => void) {
    super(finish);
    const host = check.host ?? `${endpoint.address}:${endpoint.port}`;
    const sound = inLine.test(check.path) && inLine.test(host) && check.path.startsWith('/');
    this.#text = sound
      ? `GET ${check.path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: portolan-check\r\nConnection: close\r\n\r\n`
      : '';
    this.#expected = check.expect ?? anySuccess;
  }

  override onUpstreamConnected(): void {
    if (this.#text === '') this.finish(false);
    else this.connection?.wire.writeText(this.#text);
  }

  override onUpstreamBytes(bytes: Buffer, start: number, end: number): void {
    let position = start;
    while (position < end) {
      const taken = this.#head.take(bytes, position, end);
      if (typeof taken !== 'number') {
        this.finish(false);
        return;
      }
      position = taken;
      if (!this.#head.complete) return;
      const head = this.#reader.read(this.#head.bytes, 0, this.#head.length, 'GET');
      this.#head.clear();
      if (head === undefined || head.type === 'refusal') {
        this.finish(false);
        return;
      }
      // Interim answers come before the one that counts.
      if (head.status < 200) continue;
      this.finish(this.#expected.some(([low, high]) => head.status >= low && head.status <= high));
      return;
    }
  }
}
