import { createHash } from 'node:crypto';
import type { Value } from '../../language/values.ts';
import { base64Problem } from '../base64.ts';
import { fromPlain } from '../encodings.ts';
import { toJson } from '../go-json.ts';
import { type Definition, exactly, ofTexts } from './define.ts';

export const encodingFunctions: readonly Definition[] = [
  ['b64enc', ofTexts(1, (subject) => Buffer.from(subject).toString('base64'))],
  ['b64dec', ofTexts(1, decodeBase64)],
  ['b32enc', ofTexts(1, encodeBase32)],
  ['b32dec', ofTexts(1, decodeBase32)],
  ['fromJson', ofTexts(1, fromJsonOrNil)],
  ['mustFromJson', ofTexts(1, (source) => fromPlain(JSON.parse(source)))],
  ...json('oJson', (value) => toJson(value, true)),
  ...json('oPrettyJson', (value) => toJson(value, true, '  ')),
  ...json('oRawJson', (value) => toJson(value, false)),
  ['sha1sum', hash('sha1')],
  ['sha256sum', hash('sha256')],
  ['sha512sum', hash('sha512')],
  ['adler32sum', ofTexts(1, (subject) => `${adler32(Buffer.from(subject))}`)],
];

function json(name: string, write: (value: Value) => string): readonly Definition[] {
  const apply = exactly(1, (value) => write(value ?? null));
  return [
    [`t${name}`, apply],
    [`mustT${name}`, apply],
  ];
}

function hash(algorithm: string): Definition[1] {
  return ofTexts(1, (subject) => createHash(algorithm).update(subject).digest('hex'));
}

function fromJsonOrNil(source: string): Value {
  try {
    return fromPlain(JSON.parse(source));
  } catch {
    return null;
  }
}

/** What cannot be decoded gives the complaint as a text, as sprig does. */
function decodeBase64(subject: string): string {
  return base64Problem(subject, 'standard') ?? Buffer.from(subject, 'base64').toString('utf8');
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function encodeBase32(subject: string): string {
  let bits = 0;
  let held = 0;
  let text = '';
  for (const byte of Buffer.from(subject)) {
    held = ((held << 8) | byte) & 0xffff;
    for (bits += 8; bits >= 5; bits -= 5) text += alphabet[(held >> (bits - 5)) & 31];
  }
  if (bits > 0) text += alphabet[(held << (5 - bits)) & 31];
  return text.padEnd(Math.ceil(text.length / 8) * 8, '=');
}

function decodeBase32(subject: string): string {
  const body = subject.replace(/[\r\n]/g, '');
  const digits = body.replace(/=+$/, '');
  const wrong = [...digits].findIndex((digit) => !alphabet.includes(digit));
  if (wrong !== -1 || body.length % 8 !== 0)
    return `illegal base32 data at input byte ${wrong === -1 ? digits.length : wrong}`;
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const digit of digits) {
    held = ((held << 5) | alphabet.indexOf(digit)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((held >> bits) & 0xff);
  }
  return Buffer.from(bytes).toString('utf8');
}

/** RFC 1950, section 9. */
function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return b * 65_536 + a;
}
