import { BodyPump, framingLine } from './http1/body-pump.ts';
import { bodyUntilClose, chunkedBody } from './http1/framing.ts';
import { HeadBuffer } from './http1/head-buffer.ts';
import type { Refusal } from './http1/refusal.ts';
import type { RequestHead } from './http1/request-head.ts';
import type { ResponseHead, ResponseReader } from './http1/response-reader.ts';
import type { Wire } from './wire.ts';

/** What came of some octets of an upstream. */
export type ResponseEvent =
  | { readonly kind: 'more' }
  /** The response is whole. `clean`: its connection may carry another request. */
  | { readonly kind: 'done'; readonly clean: boolean }
  | { readonly kind: 'anomaly'; readonly code: string }
  /** 101 was passed on: what follows is no HTTP. */
  | { readonly kind: 'switched'; readonly restStart: number; readonly restEnd: number };

const more: ResponseEvent = { kind: 'more' };
const doneClean: ResponseEvent = { kind: 'done', clean: true };
const doneUnclean: ResponseEvent = { kind: 'done', clean: false };

/** Interim responses to one request; more are an attack. */
const maxInterim = 16;

/** Carries one response from an upstream to the client: head read strictly and written anew, body likewise. */
export class ResponsePump {
  /** The final response's head, once it came. */
  head: ResponseHead | undefined;
  /** Whether a single octet of a response came. */
  begun = false;
  /** Whether the client saw a part of the final response. */
  begunWriting = false;
  /** Whether the response leaves the client's connection usable: its end does not mark the body's. */
  keepsClient = true;
  readonly #method: string;
  /** Of the client's HTTP version. */
  readonly #minor: number;
  readonly #upgradeAsked: boolean;
  /** Made when a head comes in pieces. */
  #partial: HeadBuffer | undefined;
  readonly #body = new BodyPump();
  #interim = 0;
  #headEnd = 0;

  /** @param request what is answered */
  constructor(request: RequestHead) {
    this.#method = request.method;
    this.#minor = request.minor;
    this.#upgradeAsked = request.upgrade;
  }

  get status(): number {
    return this.head?.status ?? 0;
  }

  get bytes(): number {
    return this.#body.bytes;
  }

  get keepAliveMs(): number | undefined {
    return this.head?.keepAliveMs;
  }

  get endsByClose(): boolean {
    return this.head !== undefined && this.#body.reader.endsByClose;
  }

  /** For another try. */
  reset(): void {
    this.begun = false;
    this.#partial = undefined;
  }

  /**
   * @param connectionLines what our `Connection` field says if the response's framing lets the connection live on
   */
  take(
    plane: { readonly responses: ResponseReader },
    client: Wire,
    bytes: Buffer,
    start: number,
    end: number,
    connectionLines: string,
  ): ResponseEvent {
    this.begun = true;
    if (this.head !== undefined) return this.#takeBody('', client, bytes, start, end);
    let position = start;
    while (position < end) {
      const head = this.#readHead(plane.responses, bytes, position, end);
      if (head === undefined) return more;
      if (head.type === 'refusal') return { kind: 'anomaly', code: head.code };
      position = this.#headEnd;
      if (head.status === 101) return this.#takeSwitch(head, client, position, end);
      if (head.status >= 200) return this.#takeFinal(head, client, bytes, position, end, connectionLines);
      if (++this.#interim > maxInterim) return { kind: 'anomaly', code: 'too-many-interim' };
      this.#passInterim(head, client);
    }
    return more;
  }

  /** The upstream ended, and with it the body. */
  finishByClose(client: Wire): void {
    const ending = this.#body.done ? '' : this.#body.ending();
    if (ending !== '') client.writeText(ending);
  }

  #readHead(
    reader: ResponseReader,
    bytes: Buffer,
    start: number,
    end: number,
  ): ResponseHead | Refusal | undefined {
    if (this.#partial === undefined) {
      const read = reader.read(bytes, start, end, this.#method);
      this.#headEnd = reader.end;
      if (read !== undefined) return read;
    }
    this.#partial ??= new HeadBuffer();
    const taken = this.#partial.take(bytes, start, end);
    if (typeof taken !== 'number') return taken;
    this.#headEnd = taken;
    if (!this.#partial.complete) return undefined;
    const read = reader.read(this.#partial.bytes, 0, this.#partial.length, this.#method);
    this.#partial = undefined;
    return read;
  }

  #takeFinal(
    head: ResponseHead,
    client: Wire,
    bytes: Buffer,
    start: number,
    end: number,
    connectionLines: string,
  ): ResponseEvent {
    this.head = head;
    this.begunWriting = true;
    const unbounded = head.body === bodyUntilClose || head.body === chunkedBody;
    const chunked = unbounded && this.#minor === 1;
    this.keepsClient = chunked || !unbounded;
    this.#body.begin(head.body, chunked);
    const framing = chunked ? framingLine(chunkedBody) : lengthLine(head);
    const connection = this.keepsClient ? connectionLines : 'Connection: close\r\n';
    const text = `HTTP/1.1 ${head.status} ${head.reason}\r\n${head.lines}${framing}${connection}\r\n`;
    if (start === end || this.#body.done) {
      client.writeText(text);
      return this.#body.done ? this.#doneAt(start, end) : more;
    }
    return this.#takeBody(text, client, bytes, start, end);
  }

  #takeBody(before: string, client: Wire, bytes: Buffer, start: number, end: number): ResponseEvent {
    const position = this.#body.pump(before, bytes, start, end, client);
    if (this.#body.refused) return { kind: 'anomaly', code: this.#body.reader.refusal.code };
    return this.#body.done ? this.#doneAt(position, end) : more;
  }

  #doneAt(position: number, end: number): ResponseEvent {
    return position === end && this.head?.keepAlive === true ? doneClean : doneUnclean;
  }

  /** 100 was answered by us; others, such as 103, are the client's if it speaks HTTP/1.1. */
  #passInterim(head: ResponseHead, client: Wire): void {
    if (head.status === 100 || this.#minor === 0) return;
    client.writeText(`HTTP/1.1 ${head.status} ${head.reason}\r\n${head.lines}\r\n`);
  }

  #takeSwitch(head: ResponseHead, client: Wire, start: number, end: number): ResponseEvent {
    if (!head.upgrade || !this.#upgradeAsked) return { kind: 'anomaly', code: 'unexpected-switch' };
    this.head = head;
    this.begunWriting = true;
    client.writeText(
      `HTTP/1.1 101 ${head.reason}\r\n${head.lines}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`,
    );
    return { kind: 'switched', restStart: start, restEnd: end };
  }
}

/** `Content-Length` as the upstream said it; of an empty body that nobody announced, nothing. */
function lengthLine(head: ResponseHead): string {
  return head.saidLength === undefined ? '' : framingLine(head.saidLength);
}
