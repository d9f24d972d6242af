import { type ConnectionOptions, connectionOptions } from './connection-field.ts';
import { linesOf, responseLines } from './field-lines.ts';
import { FieldTable, incomplete } from './field-table.ts';
import { type BodyLength, bodyUnspecified, bodyUntilClose, chunkedBody, framingOf } from './framing.ts';
import { field } from './known-field.ts';
import { octet, octetClass, valueOctet } from './octets.ts';
import { type Refusal, refusals } from './refusal.ts';
import { maxHeadBytes } from './request-reader.ts';

/** A response's head, parsed and checked. */
export interface ResponseHead {
  readonly type: 'response';
  readonly status: number;
  readonly reason: string;
  /** Of what follows on the connection: 0 for HEAD, 1xx, 204 and 304 whatever the fields say. */
  readonly body: BodyLength;
  /** `Content-Length` as said, for the client's eyes (HEAD, 304); undefined: none. */
  readonly saidLength: number | undefined;
  /** Whether the connection may carry another request after this exchange. */
  readonly keepAlive: boolean;
  /** `Keep-Alive: timeout`, milliseconds; undefined: not said. */
  readonly keepAliveMs: number | undefined;
  readonly upgrade: boolean;
  /** End-to-end fields as lines. */
  readonly lines: string;
}

const statusLinePrefix = Buffer.from('HTTP/1.', 'latin1');
/** `HTTP/1.1 200`. */
const shortestStatusLine = 12;
const noConnection: ConnectionOptions = { close: false, keepAlive: false, upgrade: false, named: [] };

/** Reads response heads (RFC 9112 §4) as strictly as requests. One serves a whole worker. */
export class ResponseReader {
  /** After a head was read: the position after it. */
  end = 0;
  readonly #table = new FieldTable();

  /** @param method of the request that is answered: it decides whether a body follows (RFC 9112 §6.3) */
  read(bytes: Buffer, start: number, end: number, method: string): ResponseHead | Refusal | undefined {
    const lineEnd = scanStatusLine(bytes, start, end);
    if (typeof lineEnd !== 'number') return lineEnd;
    const table = this.#table;
    const headEnd = table.read(bytes, lineEnd + 2, end);
    if (headEnd < 0) return headEnd === incomplete ? undefined : table.refusal;
    if (headEnd - start > maxHeadBytes) return refusals.headTooLarge;
    this.end = headEnd;
    return this.#build(bytes.toString('latin1', start, headEnd), start, lineEnd, method);
  }

  #build(text: string, base: number, lineEnd: number, method: string): ResponseHead | Refusal {
    const table = this.#table;
    const minor = text.charCodeAt(7) - 0x30;
    const status =
      (text.charCodeAt(9) - 0x30) * 100 + (text.charCodeAt(10) - 0x30) * 10 + (text.charCodeAt(11) - 0x30);
    let options: ConnectionOptions | undefined = noConnection;
    let keepAliveMs: number | undefined;
    let [framed, upgradable] = [false, false];
    for (let index = 0; index < table.count; index++) {
      switch (table.known[index]) {
        case field.connection:
          options = undefined;
          break;
        case field.contentLength:
        case field.transferEncoding:
          framed = true;
          break;
        case field.keepAlive:
          keepAliveMs = keepAliveTimeout(table.value(index, text, base));
          break;
        case field.upgrade:
          upgradable = table.value(index, text, base).toLowerCase() === 'websocket';
          break;
      }
    }
    options ??= connectionOptions(table, text, base);
    if (options === undefined) return refusals.badConnectionField;
    const said = framed ? framingOf(table, text, base, minor) : bodyUnspecified;
    if (typeof said !== 'number') return said;
    const body = bodyOf(said, status, method);
    return {
      type: 'response',
      status,
      reason: text.slice(shortestStatusLine + 1, lineEnd - base),
      body,
      saidLength: said >= 0 && status >= 200 && status !== 204 ? said : undefined,
      keepAlive: !options.close && body !== bodyUntilClose && (minor === 1 || options.keepAlive),
      keepAliveMs,
      upgrade: options.upgrade && upgradable,
      lines: responseLines(table, text, base, options.named) + this.#trailerLine(body, text, base),
    };
  }

  /** `Trailer` announces what follows a chunked body: only there does it stay true. */
  #trailerLine(body: BodyLength, text: string, base: number): string {
    return body === chunkedBody ? linesOf(this.#table, text, base, field.trailer) : '';
  }
}

/** The position of the CR that ends the status line. */
function scanStatusLine(bytes: Buffer, start: number, end: number): number | Refusal | undefined {
  const available = Math.min(shortestStatusLine, end - start);
  for (let index = 0; index < available; index++) {
    if (!fitsStatusLine(index, bytes[start + index] as number)) return refusals.badStatusLine;
  }
  let position = start + shortestStatusLine;
  if (position + 1 >= end) return undefined;
  if (bytes[position] !== octet.cr) {
    if (bytes[position] !== octet.space) return refusals.badStatusLine;
    while (position < end && ((octetClass[bytes[position] as number] as number) & valueOctet) !== 0)
      position++;
    if (position - start > maxHeadBytes) return refusals.headTooLarge;
    if (position + 1 >= end) return undefined;
  }
  if (bytes[position] !== octet.cr || bytes[position + 1] !== octet.lf) return refusals.badStatusLine;
  return position;
}

function fitsStatusLine(index: number, code: number): boolean {
  if (index < statusLinePrefix.length) return code === statusLinePrefix[index];
  if (index === 7) return code === 0x30 || code === 0x31;
  if (index === 8) return code === octet.space;
  return index === 9 ? code >= 0x31 && code <= 0x35 : code >= 0x30 && code <= 0x39;
}

function bodyOf(said: BodyLength, status: number, method: string): BodyLength {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return 0;
  return said === bodyUnspecified ? bodyUntilClose : said;
}

function keepAliveTimeout(value: string): number | undefined {
  const seconds = /(?:^|[,; \t])timeout=([0-9]{1,6})(?:$|[,; \t])/i.exec(value)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}
