/**
 * The two messages of `grpc.health.v1.Health/Check`, and gRPC's frame around them (1 byte of flags, 4 of length).
 * Source: grpc/grpc doc/health-checking.md and doc/PROTOCOL-HTTP2.md.
 */
export const healthCheckPath = '/grpc.health.v1.Health/Check';

/** An answer longer than this is no health answer. */
export const maxMessageBytes = 4 * 1024;

export type ServingStatus = 'UNKNOWN' | 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';

const servingStatuses: readonly ServingStatus[] = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** `HealthCheckRequest { string service = 1; }`, framed. */
export function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const message =
    name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name]);
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(message.length, 1);
  return Buffer.concat([frame, message]);
}

/** `HealthCheckResponse { ServingStatus status = 1; }` from its frame; undefined: no such message. Unknown fields are passed over. */
export function decodeResponse(frame: Buffer): ServingStatus | undefined {
  if (frame.length < 5 || frame[0] !== 0 || frame.readUInt32BE(1) !== frame.length - 5) return undefined;
  const reader = new Reader(frame.subarray(5));
  let status = 0;
  while (reader.left > 0) {
    const tag = reader.varint();
    if (tag === undefined || tag >> 3 === 0) return undefined;
    const value = reader.skip(tag & 7);
    if (value === undefined) return undefined;
    if (tag === 0x08) status = value;
  }
  return servingStatuses[status] ?? 'UNKNOWN';
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return [...bytes, rest];
    bytes.push((rest & 0x7f) | 0x80);
  }
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** The low 32 bits of a varint; undefined where the bytes end, or it is longer than ten bytes. */
  varint(): number | undefined {
    let value = 0;
    for (let index = 0; index < 10; index += 1) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) return undefined;
      this.#at += 1;
      if (index < 5) value |= (byte & 0x7f) << (index * 7);
      if (byte < 0x80) return value >>> 0;
    }
    return undefined;
  }

  /** Passes over a field of the wire type; gives the value of a varint, and 0 for the others. */
  skip(wireType: number): number | undefined {
    if (wireType === 0) return this.varint();
    const length = wireType === 1 ? 8 : wireType === 5 ? 4 : wireType === 2 ? this.varint() : undefined;
    if (length === undefined || length > this.left) return undefined;
    this.#at += length;
    return 0;
  }
}
