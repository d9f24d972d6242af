import { ChunkedBody } from './chunked-body.ts';
import { maxOutputBytes } from './config.ts';

/** A head longer than this is no health answer. Node's own limit for a request's head. */
export const maxHeadBytes = 16 * 1024;
/** A head that comes in more pieces than this: somebody sends byte by byte to keep us busy. */
const maxHeadPieces = 1_024;
/** Informational answers (1xx) before the real one; a server that sends more of them is not answering. */
const maxInformational = 16;

const statusLine = /^HTTP\/1\.[01] ([1-9]\d\d)(?: ([^\r\n]*))?\r?\n/;
const contentLengthField = /\ncontent-length:[ \t]*(\d{1,15})[ \t]*\r?\n/i;
const chunkedField = /\ntransfer-encoding:[^\n]*chunked[ \t]*\r?\n/i;
const notAscii = /[^\0-\x7f]/;

/**
 * Reads one HTTP/1 response as far as a health check needs it: the status, and the first bytes of the body. Informational
 * answers (1xx) are passed over. `push` pieces until `ended` or `defect`.
 */
export class HttpResponse {
  /** 0 until the head was read. */
  status = 0;
  /** `200 OK`, as the server wrote it. */
  statusText = '';
  /** All that is needed was read. */
  ended = false;
  /** Why this is no answer. */
  defect: string | undefined;

  readonly #bodyless: boolean;
  #head = '';
  #pieces = 0;
  #informational = 0;
  #body = '';
  #left = Number.POSITIVE_INFINITY;
  #chunked: ChunkedBody | undefined;

  /** `method` is the request's: HEAD is answered without a body. */
  constructor(method: string) {
    this.#bodyless = method === 'HEAD';
  }

  push(bytes: Buffer, length: number): void {
    const piece = bytes.toString('latin1', 0, length);
    if (this.status === 0) this.#pushHead(piece);
    else this.#pushBody(piece);
  }

  /** The start of the body as text. */
  body(): string {
    const kept = this.#body.length > maxOutputBytes ? this.#body.slice(0, maxOutputBytes) : this.#body;
    return notAscii.test(kept) ? Buffer.from(kept, 'latin1').toString('utf8') : kept;
  }

  #pushHead(piece: string): void {
    const searchFrom = Math.max(0, this.#head.length - 3);
    this.#head = this.#head === '' ? piece : this.#head + piece;
    this.#pieces += 1;
    const end = headEnd(this.#head, searchFrom);
    if (end < 0) {
      if (this.#head.length > maxHeadBytes || this.#pieces > maxHeadPieces) {
        this.defect = `the response's head is longer than ${maxHeadBytes} bytes`;
      } else if (!'HTTP/1.'.startsWith(this.#head.slice(0, 7))) {
        this.defect = malformed(this.#head);
      }
      return;
    }
    const head = this.#head.slice(0, end);
    const rest = this.#head.slice(end);
    if (head.length > maxHeadBytes) {
      this.defect = `the response's head is longer than ${maxHeadBytes} bytes`;
      return;
    }
    const match = statusLine.exec(head);
    if (match === null) {
      this.defect = malformed(head);
      return;
    }
    const status = Number(match[1]);
    if (status < 200 && status !== 101) {
      this.#informational += 1;
      if (this.#informational > maxInformational) {
        this.defect = `more than ${maxInformational} informational responses`;
        return;
      }
      this.#head = '';
      if (rest !== '') this.#pushHead(rest);
      return;
    }
    this.status = status;
    const reason = match[2];
    this.statusText = reason === undefined || reason === '' ? `${status}` : `${status} ${reason}`;
    this.#frameBody(head);
    if (!this.ended && rest !== '') this.#pushBody(rest);
  }

  /** RFC 9112 §6.3, as far as it matters to whom closes the connection anyway. */
  #frameBody(head: string): void {
    if (this.#bodyless || this.status === 204 || this.status === 304 || this.status === 101) {
      this.ended = true;
    } else if (chunkedField.test(head)) {
      this.#chunked = new ChunkedBody();
    } else {
      const length = contentLengthField.exec(head)?.[1];
      if (length !== undefined) this.#left = Number(length);
      this.ended = this.#left === 0;
    }
  }

  #pushBody(piece: string): void {
    if (this.#chunked !== undefined) {
      this.#body += this.#chunked.push(piece);
      this.ended = this.#chunked.ended || this.#body.length >= maxOutputBytes;
      return;
    }
    const content = piece.length > this.#left ? piece.slice(0, this.#left) : piece;
    this.#body += content;
    this.#left -= content.length;
    this.ended = this.#left === 0 || this.#body.length >= maxOutputBytes;
  }
}

/** The index after the empty line that ends a head, or -1. Bare line feeds count too, as every client has it. */
function headEnd(head: string, from: number): number {
  const strict = head.indexOf('\r\n\r\n', from);
  const bare = head.indexOf('\n\n', from);
  if (strict < 0) return bare < 0 ? -1 : bare + 2;
  return bare >= 0 && bare < strict ? bare + 2 : strict + 4;
}

function malformed(text: string): string {
  return `malformed HTTP response ${JSON.stringify(text.slice(0, 64))}`;
}
