import { readFileSync } from 'node:fs';
import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import type { Clock, Random } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import type { TrafficMessage } from '@portolan/core/traffic/model.ts';
import { parseTrafficMessage } from './traffic-message.ts';

export interface TrafficStreamOptions {
  /** Of the control plane: `http://127.0.0.1:8500`. Several are tried in turn. At least one. */
  readonly servers: readonly string[];
  /** Holds the token that is shown to be told secrets; read at each connection, and may be missing. */
  readonly tokenFile: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Called in order. Each connection begins with a snapshot. */
  readonly onMessage: (message: TrafficMessage) => void;
  /** The connection is lost or was never there; it will be tried again. */
  readonly onTrouble: (fault: Fault) => void;
}

/** The control plane sends at least an empty line this often, three times over. */
const silenceMs = 15_000;
const firstBackOffMs = 100;
const slowestBackOffMs = 5_000;
/** A snapshot of 100,000 endpoints has about 20 MB. */
const maxLineBytes = 268_435_456;

type StreamState =
  | { readonly kind: 'connected'; readonly request: ClientRequest }
  | { readonly kind: 'waiting'; readonly cancel: () => void }
  | { readonly kind: 'stopped' };

/**
 * Follows the traffic model: `GET <server>/portolan/v1/traffic`, one JSON message a line, an empty line as heartbeat. When the
 * connection breaks, falls silent or says something senseless it is made again after a jittered back-off, and begins with a snapshot.
 */
export class TrafficStream {
  readonly #options: TrafficStreamOptions;
  #servers: readonly string[];
  #state: StreamState = { kind: 'stopped' };
  #failures = 0;
  /** Which of the servers is asked: the same until it fails. */
  #turn = 0;
  #cancelSilence: (() => void) | undefined;

  constructor(options: TrafficStreamOptions) {
    this.#options = options;
    this.#servers = options.servers;
    this.#connect();
  }

  /** From now on these. One that is followed and is among them is kept. */
  useServers(servers: readonly string[]): void {
    const before = this.#server;
    this.#servers = servers;
    this.#turn = Math.max(0, servers.indexOf(before));
    const state = this.#state;
    if (state.kind === 'stopped' || (state.kind === 'connected' && servers.includes(before))) return;
    this.stop();
    this.#failures = 0;
    this.#connect();
  }

  get #server(): string {
    return this.#servers[this.#turn % this.#servers.length] ?? '';
  }

  stop(): void {
    const state = this.#state;
    this.#state = { kind: 'stopped' };
    this.#cancelSilence?.();
    if (state.kind === 'waiting') state.cancel();
    if (state.kind === 'connected') state.request.destroy();
  }

  #connect(): void {
    const request = get(new URL('/portolan/v1/traffic', this.#server), {
      agent: false,
      headers: { accept: 'application/x-ndjson', ...authorization(this.#options.tokenFile) },
    });
    this.#state = { kind: 'connected', request };
    request.on('response', (response) => this.#read(request, response));
    request.on('error', (cause) => this.#again(request, new Fault('unavailable', cause.message, { cause })));
    this.#expectBytes(request);
  }

  #read(request: ClientRequest, response: IncomingMessage): void {
    if (response.statusCode !== 200) {
      this.#again(request, new Fault('unavailable', `the control plane answered ${response.statusCode}`));
      return;
    }
    const lines = new LineReader();
    response.on('data', (bytes: Buffer) => {
      this.#expectBytes(request);
      try {
        lines.take(bytes, (line) => this.#takeLine(line));
      } catch (thrown) {
        this.#again(request, Fault.from(thrown));
      }
    });
    response.on('error', (cause) => this.#again(request, new Fault('unavailable', cause.message, { cause })));
    response.on('end', () =>
      this.#again(request, new Fault('unavailable', 'the control plane ended the stream')),
    );
  }

  #takeLine(line: string): void {
    if (this.#state.kind !== 'connected') return;
    const message = parseTrafficMessage(line);
    this.#failures = 0;
    this.#options.onMessage(message);
  }

  #expectBytes(request: ClientRequest): void {
    this.#cancelSilence?.();
    this.#cancelSilence = this.#options.clock.after(silenceMs, () =>
      this.#again(request, new Fault('timeout', `the control plane was silent for ${silenceMs} ms`)),
    );
  }

  #again(request: ClientRequest, fault: Fault): void {
    if (this.#state.kind !== 'connected' || this.#state.request !== request) return;
    this.#cancelSilence?.();
    this.#turn++;
    const backOffMs = Math.min(slowestBackOffMs, firstBackOffMs * 2 ** this.#failures++);
    const delayMs = backOffMs * (0.5 + this.#options.random() / 2);
    this.#state = { kind: 'waiting', cancel: this.#options.clock.after(delayMs, () => this.#connect()) };
    request.destroy();
    this.#options.onTrouble(fault);
  }
}

function authorization(tokenFile: string): { readonly authorization?: string } {
  try {
    const token = readFileSync(tokenFile, 'utf8').trim();
    return /^[!-~]+$/.test(token) ? { authorization: `Bearer ${token}` } : {};
  } catch {
    return {};
  }
}

/** Octets to lines, without the empty ones. */
class LineReader {
  #pieces: Buffer[] = [];
  #length = 0;

  take(bytes: Buffer, onLine: (line: string) => void): void {
    let start = 0;
    for (let at = bytes.indexOf(0x0a); at !== -1; at = bytes.indexOf(0x0a, start)) {
      this.#pieces.push(bytes.subarray(start, at));
      const line = Buffer.concat(this.#pieces).toString('utf8');
      this.#pieces = [];
      this.#length = 0;
      start = at + 1;
      if (line !== '') onLine(line);
    }
    if (start === bytes.length) return;
    this.#length += bytes.length - start;
    if (this.#length > maxLineBytes)
      throw new Fault('too-large', `a line of the traffic stream is over ${maxLineBytes} bytes`);
    this.#pieces.push(bytes.subarray(start));
  }
}
