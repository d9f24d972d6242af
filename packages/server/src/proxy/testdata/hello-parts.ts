/** A ClientHello in parts, as Latin-1 text where it is octets; what is absent is what is usual. */
export interface HelloParts {
  readonly sessionId?: string;
  readonly suites?: string;
  readonly compression?: string;
  readonly serverName?: string;
  /** In place of the server name's. Undefined on purpose: no extensions at all. */
  readonly extensions?: readonly string[] | undefined;
  /** After everything else, within the message. */
  readonly after?: string;
  /** Length of the whole message: filled up by padding (RFC 7685). */
  readonly padTo?: number;
}

export function u16(value: number): string {
  return String.fromCharCode((value >> 8) & 255, value & 255);
}

export function extension(type: number, content: string): string {
  return u16(type) + u16(content.length) + content;
}

/** RFC 6066 §3. */
export function serverNameList(name: string): string {
  return `${u16(name.length + 3)}\0${u16(name.length)}${name}`;
}

/** The handshake message with its header. */
export function helloBytes(parts: HelloParts): Buffer {
  const whole =
    'extensions' in parts ? parts.extensions : [extension(0, serverNameList(parts.serverName ?? 'a.test'))];
  const { sessionId = 's'.repeat(32), suites = '\x13\x01\x13\x02', compression = '\0', after = '' } = parts;
  const start =
    `\x03\x03${'r'.repeat(32)}${String.fromCharCode(sessionId.length)}${sessionId}` +
    `${u16(suites.length)}${suites}${String.fromCharCode(compression.length)}${compression}`;
  const rest = whole?.join('') ?? '';
  const missing = parts.padTo === undefined ? 0 : parts.padTo - 4 - start.length - 2 - rest.length;
  const all = missing > 4 ? rest + extension(21, '\0'.repeat(missing - 4)) : rest;
  const body = start + (whole === undefined ? '' : u16(all.length) + all) + after;
  return Buffer.from(`\x01${String.fromCharCode(body.length >> 16)}${u16(body.length)}${body}`, 'latin1');
}

/** A message in records of at most `size` octets. */
export function recordsOf(message: Buffer, size = 16_384): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const piece = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, piece.length >> 8, piece.length & 255]), piece);
  }
  return Buffer.concat(records);
}
