// A small HTTP/1.1 load generator in a process of its own: keep-alive connections, one request under way on each. Raw sockets and
// prepared bytes, so that it costs less than what it measures.
//
//   node bench/http-load.ts '{"port":8500,"connections":64,"durationMs":3000,"target":"register","run":"a"}'
//
// prints one line of JSON: see `LoadResult`.
import { connect, type Socket } from 'node:net';

export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  readonly durationMs: number;
  readonly target: 'register' | 'etcd-put';
  /** Keeps the ids of one run apart from another's. */
  readonly run: string;
}

export interface LoadResult {
  readonly requests: number;
  /** Answers other than 200. */
  readonly failures: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const services = 200;

function registerRequest(id: string, sequence: number): string {
  const body = JSON.stringify({
    ID: id,
    Name: `service-${sequence % services}`,
    Address: '10.0.0.1',
    Port: 8000 + (sequence % 1000),
    Tags: ['http', 'v1'],
    Meta: { version: '1.2.3', zone: 'a' },
  });
  return `PUT /v1/agent/service/register HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** The same content under a key of about the same length as ours. */
function etcdRequest(id: string, sequence: number): string {
  const name = `service-${sequence % services}`;
  const value = JSON.stringify({
    id,
    name,
    address: '10.0.0.1',
    port: 8000 + (sequence % 1000),
    tags: ['http', 'v1'],
    metadata: { version: '1.2.3', zone: 'a' },
  });
  const body = JSON.stringify({ key: base64(`/services/${name}/${id}`), value: base64(value) });
  return `POST /v3/kv/put HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** One connection: asks again as soon as it is answered, until the time is up. */
class Client {
  readonly #next: () => string | undefined;
  readonly #onAnswer: (ok: boolean, startedAtMs: number) => void;
  readonly #socket: Socket;
  #startedAtMs = 0;
  #text = '';
  readonly done: Promise<void>;

  constructor(
    port: number,
    next: () => string | undefined,
    onAnswer: (ok: boolean, startedAtMs: number) => void,
  ) {
    this.#next = next;
    this.#onAnswer = onAnswer;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.done = promise;
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: Buffer.alloc(16 * 1024), callback: (count, bytes) => this.#read(count, bytes) },
    });
    this.#socket.on('connect', () => this.#ask());
    this.#socket.on('error', reject);
    this.#socket.on('close', () => resolve());
  }

  #ask(): void {
    const request = this.#next();
    if (request === undefined) {
      this.#socket.destroy();
      return;
    }
    this.#startedAtMs = performance.now();
    this.#socket.write(request, 'latin1');
  }

  #read(count: number, bytes: Uint8Array): boolean {
    this.#text += Buffer.from(bytes.buffer, bytes.byteOffset, count).toString('latin1');
    if (!isWhole(this.#text)) return true;
    const ok = this.#text.startsWith('HTTP/1.1 200');
    this.#text = '';
    this.#onAnswer(ok, this.#startedAtMs);
    this.#ask();
    return true;
  }
}

/** Whether `text` is one whole answer, by its length or its last chunk. */
function isWhole(text: string): boolean {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return false;
  const length = /^content-length: (\d+)/im.exec(text.slice(0, headEnd));
  if (length !== null) return text.length >= headEnd + 4 + Number(length[1]);
  return text.endsWith('\r\n0\r\n\r\n');
}

async function load(options: LoadOptions): Promise<LoadResult> {
  const requestOf = options.target === 'register' ? registerRequest : etcdRequest;
  const startedAtMs = performance.now();
  const endAtMs = startedAtMs + options.durationMs;
  const latenciesMs: number[] = [];
  let sequence = 0;
  let failures = 0;
  const next = (): string | undefined => {
    if (performance.now() >= endAtMs) return undefined;
    sequence += 1;
    return requestOf(`${options.run}-${sequence}`, sequence);
  };
  const onAnswer = (ok: boolean, askedAtMs: number): void => {
    if (!ok) failures += 1;
    latenciesMs.push(performance.now() - askedAtMs);
  };
  const clients = Array.from({ length: options.connections }, () => new Client(options.port, next, onAnswer));
  await Promise.all(clients.map((client) => client.done));
  const seconds = (performance.now() - startedAtMs) / 1000;
  latenciesMs.sort((left, right) => left - right);
  const at = (share: number): number => latenciesMs[Math.floor(latenciesMs.length * share)] ?? 0;
  return { requests: latenciesMs.length, failures, seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}

const [argument] = process.argv.slice(2);
if (import.meta.main && argument !== undefined) {
  console.log(JSON.stringify(await load(JSON.parse(argument) as LoadOptions)));
}
