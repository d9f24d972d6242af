import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  connect as http2Connect,
} from 'node:http2';
import { isIP, type Socket } from 'node:net';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { Probe } from '@portolan/core/catalog/records.ts';
import {
  Dial,
  type Dialer,
  type DialHandler,
  type Endpoint,
  formatEndpoint,
  parseEndpoint,
  refusal,
} from './dial.ts';
import { decodeResponse, encodeRequest, healthCheckPath, maxMessageBytes } from './grpc-health-codec.ts';
import { output, percentDecoded, reasonOf } from './output.ts';
import { impossible, type ProbeResult, type ProbeRun, type Prober } from './probe.ts';

type GrpcProbe = Extract<Probe, { type: 'grpc' }>;

/** Asks `grpc.health.v1.Health/Check`: SERVING is passing, everything else critical. */
export function grpcProber(probe: GrpcProbe, dialer: Dialer): Prober {
  const slash = probe.target.indexOf('/');
  const address = slash < 0 ? probe.target : probe.target.slice(0, slash);
  const endpoint = parseEndpoint(address);
  if (endpoint === undefined) {
    return impossible(`"${probe.target}" is not a target such as 127.0.0.1:9000 or 127.0.0.1:9000/service`);
  }
  const refused = refusal(endpoint, dialer.rules);
  if (refused !== undefined) return impossible(refused);
  const message = encodeRequest(slash < 0 ? '' : probe.target.slice(slash + 1));
  return { start: (done) => new GrpcRun(probe, endpoint, message, dialer, done) };
}

const codeNames: readonly string[] = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
];

class GrpcRun implements ProbeRun, DialHandler {
  readonly #probe: GrpcProbe;
  readonly #endpoint: Endpoint;
  readonly #message: Buffer;
  readonly #dialer: Dialer;
  readonly #dial: Dial;
  #done: ((result: ProbeResult) => void) | undefined;
  #secure: TLSSocket | undefined;
  #session: ClientHttp2Session | undefined;
  #status: string | undefined;
  #statusMessage = '';
  #received: Buffer[] = [];
  #receivedBytes = 0;

  constructor(
    probe: GrpcProbe,
    endpoint: Endpoint,
    message: Buffer,
    dialer: Dialer,
    done: (result: ProbeResult) => void,
  ) {
    this.#probe = probe;
    this.#endpoint = endpoint;
    this.#message = message;
    this.#dialer = dialer;
    this.#done = done;
    this.#dial = new Dial(endpoint, dialer, this);
  }

  connected(socket: Socket): void {
    if (!this.#probe.tls) {
      this.#ask(socket);
      return;
    }
    const { host } = this.#endpoint;
    const secure = tlsConnect({
      socket,
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ALPNProtocols: ['h2'],
      rejectUnauthorized: !this.#probe.tlsSkipVerify,
      ...(this.#dialer.caPem === undefined ? {} : { ca: this.#dialer.caPem }),
    });
    this.#secure = secure;
    secure.on('error', (error) => this.failed(`tls: ${reasonOf(error)}`));
    secure.once('close', () => this.failed('EOF'));
    secure.once('secureConnect', () => this.#ask(secure));
  }

  failed(reason: string): void {
    this.#rpcFailed('Unavailable', `connection error: ${reason}`);
  }

  timeOut(): void {
    this.#rpcFailed('DeadlineExceeded', 'context deadline exceeded');
  }

  cancel(): void {
    this.#done = undefined;
    this.#close();
  }

  #ask(socket: Socket): void {
    const scheme = this.#probe.tls ? 'https' : 'http';
    const authority = formatEndpoint(this.#endpoint);
    const session = http2Connect(`${scheme}://${authority}`, {
      createConnection: () => socket,
      maxSessionMemory: 1, // MB
      settings: { enablePush: false },
    });
    this.#session = session;
    session.on('error', (error) => this.failed(reasonOf(error)));
    session.once('close', () => this.failed('EOF'));
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: healthCheckPath,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
      [constants.HTTP2_HEADER_TE]: 'trailers',
      [constants.HTTP2_HEADER_USER_AGENT]: 'portolan-health-check',
    });
    this.#listen(stream);
    stream.end(this.#message);
  }

  #listen(stream: ClientHttp2Stream): void {
    stream.on('error', (error) => this.failed(reasonOf(error)));
    stream.on('response', (headers) => {
      const status = headers[':status'];
      if (status !== 200) this.#rpcFailed('Unavailable', `unexpected HTTP status code ${status}`);
      else this.#readStatus(headers);
    });
    stream.on('trailers', (trailers) => this.#readStatus(trailers));
    stream.on('data', (bytes: Buffer) => {
      this.#receivedBytes += bytes.length;
      if (this.#receivedBytes > maxMessageBytes) {
        this.#rpcFailed('ResourceExhausted', `the answer is longer than ${maxMessageBytes} bytes`);
      } else {
        this.#received.push(bytes);
      }
    });
    stream.on('end', () => this.#answered());
  }

  #readStatus(headers: Readonly<Record<string, unknown>>): void {
    const status = headers['grpc-status'];
    if (typeof status !== 'string') return;
    this.#status = status;
    const message = headers['grpc-message'];
    this.#statusMessage = typeof message === 'string' ? percentDecoded(message.slice(0, 1_024)) : '';
  }

  #answered(): void {
    if (this.#status === undefined) {
      this.#rpcFailed('Unknown', 'the answer has no grpc-status');
      return;
    }
    if (this.#status !== '0') {
      this.#rpcFailed(
        codeNames[Number(this.#status)] ?? `Code(${this.#status.slice(0, 16)})`,
        this.#statusMessage,
      );
      return;
    }
    const serving = decodeResponse(Buffer.concat(this.#received));
    if (serving === undefined) this.#rpcFailed('Internal', 'the answer is no HealthCheckResponse');
    else if (serving === 'SERVING')
      this.#finish({ status: 'passing', output: output.grpc(this.#probe.target) });
    else this.#finish({ status: 'critical', output: output.grpcUnhealthy(this.#probe.target, serving) });
  }

  #rpcFailed(code: string, message: string): void {
    this.#finish({ status: 'critical', output: output.rpcFailed(this.#probe.target, code, message) });
  }

  #finish(result: ProbeResult): void {
    const done = this.#done;
    if (done === undefined) return;
    this.#done = undefined;
    this.#close();
    done(result);
  }

  #close(): void {
    this.#session?.destroy();
    this.#secure?.destroy();
    this.#dial.destroy();
  }
}
