import { forwardingLines, type Peer } from './forwarding.ts';
import { BodyPump, framingLine } from './http1/body-pump.ts';
import { chunkedBody } from './http1/framing.ts';
import type { Refusal } from './http1/refusal.ts';
import type { RequestHead } from './http1/request-head.ts';
import type { Wire } from './wire.ts';

/** RFC 9110 §9.2.2. */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);
/** Methods whose empty body is said aloud (RFC 9110 §8.6). */
const bodyByNature: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** Most requests have none; ended from the start, it is never written to. */
const noBody = new BodyPump();

/** A request on its way to an upstream: written anew, and kept as long as it may have to be sent again. */
export class OutgoingRequest {
  readonly #idempotent: boolean;
  readonly #maxReplayBytes: number;
  readonly #body: BodyPump;
  /** All that was taken so far. Undefined: sent, and not to be sent again. */
  #kept: string | undefined;
  #sent = false;

  constructor(head: RequestHead, peer: Peer, requestId: string, maxReplayBytes: number) {
    this.#idempotent = idempotent.has(head.method);
    this.#maxReplayBytes = maxReplayBytes;
    this.#body = head.body === 0 ? noBody : new BodyPump();
    if (head.body !== 0) this.#body.begin(head.body, head.body === chunkedBody);
    this.#kept = headText(head, peer, requestId);
  }

  /** Whether the client sent all of it. */
  get whole(): boolean {
    return this.#body.done;
  }

  /** Why its body is refused; undefined: it is not. */
  get refusal(): Refusal | undefined {
    return this.#body.refused ? this.#body.reader.refusal : undefined;
  }

  /** Of the body, so far. */
  get bytes(): number {
    return this.#body.bytes;
  }

  /** Whether the upstream cannot have acted upon it, or may do so twice, and all of it is here. */
  get maySendAgain(): boolean {
    return !this.#sent || (this.#idempotent && this.#kept !== undefined);
  }

  /**
   * Takes body octets of the client. `wire`: the upstream's, when the request is being sent there. Without one, octets are kept
   * whatever their number: the caller reads no further then. Returns the position it came to.
   */
  take(bytes: Buffer, start: number, end: number, wire: Wire | undefined): number {
    if (wire !== undefined && (this.#kept?.length ?? Infinity) + end - start > this.#maxReplayBytes) {
      this.#kept = undefined;
      return this.#body.pump('', bytes, start, end, wire);
    }
    const { encoded, position } = this.#body.encode(bytes, start, end);
    this.#kept = (this.#kept ?? '') + encoded;
    wire?.writeText(encoded);
    return position;
  }

  /** Sends what is here; what comes later follows by `take`. */
  sendTo(wire: Wire): void {
    this.#sent = true;
    if (this.#kept !== undefined) wire.writeText(this.#kept);
    if (!this.#idempotent) this.#kept = undefined;
  }
}

function headText(head: RequestHead, peer: Peer, requestId: string): string {
  const { method, path, query, authority, body, lines, upgrade } = head;
  const framing = body === 0 && !bodyByNature.has(method) ? '' : framingLine(body);
  return (
    `${method} ${path}${query} HTTP/1.1\r\nHost: ${authority.text}\r\n${lines}${framing}` +
    (upgrade ? 'Connection: upgrade\r\nUpgrade: websocket\r\n' : '') +
    `${forwardingLines(head, peer, 'http', requestId)}\r\n`
  );
}
