import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { TestScope } from '../testdata/plane-rig.ts';

/** Frame types (RFC 9113 §6). */
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flag = { endStream: 1, endHeaders: 4 } as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Fields as HPACK literals without indexing and without Huffman (RFC 7541 §6.2.2): any octets at all. */
export function literals(fields: readonly (readonly [string, string])[]): Buffer {
  const parts = fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]);
  return Buffer.concat(parts);
}

export function requestFields(
  more: readonly (readonly [string, string])[] = [],
  pseudo: Readonly<Record<string, string>> = {},
): Buffer {
  const start = { ':method': 'GET', ':scheme': 'http', ':authority': 'a.test', ':path': '/', ...pseudo };
  return literals([...Object.entries(start), ...more]);
}

function text(value: string): Buffer {
  const octets = Buffer.from(value, 'latin1');
  return Buffer.concat([integer(octets.length), octets]);
}

/** RFC 7541 §5.1, prefix of 7 bits. */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const octets = [127];
  let rest = value - 127;
  for (; rest >= 128; rest >>= 7) octets.push((rest & 127) | 128);
  return Buffer.from([...octets, rest]);
}

/** A client that sends whatever frames a test likes. */
export class RawClient {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  closed = false;
  #bytes = Buffer.alloc(0);
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  /** Connected, with preface and SETTINGS sent. */
  static async open(test: TestScope, port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    const client = new RawClient(socket);
    test.after(() => {
      socket.destroy();
    });
    client.send(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1'), frame(frameType.settings, 0, 0));
    return client;
  }

  send(...frames: readonly Buffer[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(frames));
  }

  headers(stream: number, block: Buffer, end = true): void {
    this.send(frame(frameType.headers, flag.endHeaders | (end ? flag.endStream : 0), stream, block));
  }

  /** Resolves when `seen` holds, or the connection is closed. */
  async until(seen: () => boolean): Promise<void> {
    while (!seen() && !this.closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  find(type: number, stream: number): Frame | undefined {
    return this.frames.find((one) => one.type === type && one.stream === stream);
  }

  /** How a stream was answered: `rst:<code>`, the status, or nothing. */
  async answer(stream: number): Promise<string> {
    await this.until(
      () =>
        this.find(frameType.rstStream, stream) !== undefined ||
        this.find(frameType.headers, stream) !== undefined,
    );
    const head = this.find(frameType.headers, stream);
    if (head !== undefined) return statusOf(head.payload);
    const rst = this.find(frameType.rstStream, stream);
    return rst === undefined ? 'closed' : `rst:${rst.payload.readUInt32BE(0)}`;
  }

  /** The code of a GOAWAY; undefined: none came. */
  get goaway(): number | undefined {
    return this.find(frameType.goaway, 0)?.payload.readUInt32BE(4);
  }

  #take(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (;;) {
      if (this.#bytes.length < 9) break;
      const length = this.#bytes.readUIntBE(0, 3);
      if (this.#bytes.length < 9 + length) break;
      const [type = 0, flags = 0] = this.#bytes.subarray(3, 5);
      const stream = this.#bytes.readUInt32BE(5) & 0x7fffffff;
      this.frames.push({ type, flags, stream, payload: Buffer.from(this.#bytes.subarray(9, 9 + length)) });
      this.#bytes = this.#bytes.subarray(9 + length);
    }
    this.#wake();
  }
}

/** Of a header block that begins with `:status`: indexed (RFC 7541 appendix A), or a literal, plain or with Huffman coding. */
function statusOf(block: Buffer): string {
  const indexed = ['200', '204', '206', '304', '400', '404', '500'];
  const first = block[0] ?? 0;
  if (first >= 0x88 && first <= 0x8e) return indexed[first - 0x88] ?? '';
  const [, length = 0] = block;
  const value = block.subarray(2, 2 + (length & 127));
  return length < 128 ? value.toString('latin1') : huffmanDigits(value);
}

/** RFC 7541 appendix B: `0`, `1`, `2` have five bits, the other digits six. */
function huffmanDigits(octets: Buffer): string {
  let bits = '';
  for (const octet of octets) bits += octet.toString(2).padStart(8, '0');
  let digits = '';
  for (let at = 0; at + 5 <= bits.length; ) {
    const five = Number.parseInt(bits.slice(at, at + 5), 2);
    if (five <= 2) {
      digits += five;
      at += 5;
      continue;
    }
    const six = Number.parseInt(bits.slice(at, at + 6), 2);
    if (six < 0x19 || six > 0x1f || at + 6 > bits.length) break;
    digits += six - 0x19 + 3;
    at += 6;
  }
  return digits;
}
