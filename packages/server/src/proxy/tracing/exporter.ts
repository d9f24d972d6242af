import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Clock } from '@portolan/core/base/clock.ts';
import { encodeSpans, type Span } from './span.ts';

export interface ExporterOptions {
  /** Base URL of the receiver. */
  readonly url: string;
  readonly clock: Clock;
  /** Attributes of the process: `service.name` … */
  readonly resource: Readonly<Record<string, string>>;
}

/** Spans that wait; the size that OpenTelemetry's own processors have. */
const maxQueued = 2_048;
const maxBatch = 512;
const everyMs = 5_000;
const timeoutMs = 10_000;
const firstBackOffMs = 1_000;
const slowestBackOffMs = 60_000;
/** Worth another try. OTLP/HTTP, "Failures". */
const retriable: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Sends finished spans in batches, one request at a time, and never holds up anybody. */
export class SpanExporter {
  readonly #target: URL;
  readonly #clock: Clock;
  readonly #resource: Readonly<Record<string, string>>;
  readonly #queue: Span[] = [];
  #sending = false;
  #closed = false;
  #failures = 0;
  #cancel: (() => void) | undefined;
  exported = 0;
  /** For want of room, or refused by the receiver. */
  dropped = 0;

  constructor({ url, clock, resource }: ExporterOptions) {
    this.#target = new URL(`${url.replace(/\/+$/, '')}/v1/traces`);
    this.#clock = clock;
    this.#resource = resource;
  }

  add(span: Span): void {
    if (this.#queue.length >= maxQueued) {
      this.dropped++;
      return;
    }
    this.#queue.push(span);
    if (this.#queue.length >= maxBatch && this.#failures === 0) this.#send();
    else this.#later(everyMs);
  }

  /** Sends what is left once. */
  close(): void {
    this.#closed = true;
    this.#send();
  }

  #later(delayMs: number): void {
    this.#cancel ??= this.#clock.after(delayMs, () => this.#send());
  }

  #send(): void {
    if (this.#sending || this.#queue.length === 0) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#sending = true;
    const batch = this.#queue.splice(0, maxBatch);
    post(this.#target, encodeSpans(batch, this.#resource), (status) => this.#sent(batch, status));
  }

  #sent(batch: readonly Span[], status: number): void {
    this.#sending = false;
    const again = (status === 0 || retriable.has(status)) && !this.#closed;
    if (again) {
      // The newest are dropped where there is no room: the oldest were promised first.
      const room = maxQueued - this.#queue.length;
      this.#queue.unshift(...batch.slice(0, room));
      this.dropped += Math.max(0, batch.length - room);
      this.#later(Math.min(slowestBackOffMs, firstBackOffMs * 2 ** this.#failures++));
      return;
    }
    this.#failures = 0;
    if (status >= 200 && status < 300) this.exported += batch.length;
    else this.dropped += batch.length;
    if (this.#queue.length >= maxBatch || this.#closed) this.#send();
    else if (this.#queue.length > 0) this.#later(everyMs);
  }
}

/** Calls `onStatus` once; 0: there was no answer. */
function post(target: URL, body: string, onStatus: (status: number) => void): void {
  const send = target.protocol === 'https:' ? requestHttps : requestHttp;
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  let status = 0;
  const call = send(target, { method: 'POST', timeout: timeoutMs, headers }, (response) => {
    status = response.statusCode ?? 0;
    response.resume();
  });
  call.on('timeout', () => call.destroy());
  call.on('error', () => undefined);
  call.on('close', () => onStatus(status));
  call.end(body);
}
