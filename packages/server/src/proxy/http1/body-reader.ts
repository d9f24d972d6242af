import { FieldTable, incomplete, refused } from './field-table.ts';
import { type BodyLength, bodyUntilClose, chunkedBody } from './framing.ts';
import { allowedInTrailer } from './known-field.ts';
import { octet, octetClass, tokenOctet, valueOctet } from './octets.ts';
import { type Refusal, refusals } from './refusal.ts';

/** Of one chunk, and of a trailer section as it is held until it is whole. CVE-2024-22019 is why extensions have a limit. */
const maxExtensionBytes = 256;
/** Of all chunks of one body together, so that one-octet chunks with long extensions do not cost a hundredfold. */
const maxAllExtensionBytes = 16_384;
const maxTrailerBytes = 8_192;
/** 2^52: sums of them stay exact. */
const maxSizeDigits = 13;

type BodyState =
  | 'done'
  | 'length'
  | 'until-close'
  | 'chunk-size'
  | 'chunk-extension'
  | 'chunk-size-lf'
  | 'chunk-data'
  | 'chunk-data-cr'
  | 'chunk-data-lf'
  | 'trailer'
  | 'refused';

/**
 * Reads one body (RFC 9112 §6, §7.1) out of octets that arrive in any pieces. The caller asks for the next span until nothing is
 * left: no callbacks, nothing copied but a trailer that comes in pieces.
 */
export class BodyReader {
  state: BodyState = 'done';
  /** The data that the last `next` found; empty when equal. */
  dataStart = 0;
  dataEnd = 0;
  /** After a chunked body: the trailer fields that may be passed on, as lines. */
  trailerLines = '';
  refusal: Refusal = refusals.badChunk;
  #remaining = 0;
  #digits = 0;
  /** Made for the first extension: they are rare. */
  #extension: ExtensionCheck | undefined;
  #allExtensions = 0;
  #heldTrailer = '';

  begin(length: BodyLength): void {
    this.trailerLines = '';
    this.#heldTrailer = '';
    this.#allExtensions = 0;
    if (length === chunkedBody) this.#beginChunk();
    else if (length === bodyUntilClose) this.state = 'until-close';
    else {
      this.#remaining = length;
      this.state = length === 0 ? 'done' : 'length';
    }
  }

  /** Whether the connection's end now is the body's end, and not its breaking off. */
  get endsByClose(): boolean {
    return this.state === 'until-close' || this.state === 'done';
  }

  /**
   * Reads on at `start`; returns the position that it came to. Stops at the end of a span of data (see `dataStart`), of the body
   * (`state` is `done`), of the octets, or where it refuses (`state` is `refused`).
   */
  next(bytes: Buffer, start: number, end: number): number {
    this.dataStart = this.dataEnd = start;
    let position = start;
    while (position < end) {
      switch (this.state) {
        case 'done':
        case 'refused':
          return position;
        case 'until-close':
          this.dataEnd = end;
          return end;
        case 'length':
          return this.#takeData(position, end, 'done');
        case 'chunk-data':
          return this.#takeData(position, end, 'chunk-data-cr');
        case 'trailer':
          return this.#readTrailer(bytes, position, end);
        default:
          this.#step(bytes[position] as number);
          position++;
      }
    }
    return position;
  }

  #beginChunk(): void {
    this.state = 'chunk-size';
    this.#remaining = 0;
    this.#digits = 0;
  }

  #takeData(start: number, end: number, after: BodyState): number {
    const length = Math.min(this.#remaining, end - start);
    this.dataStart = start;
    this.dataEnd = start + length;
    this.#remaining -= length;
    if (this.#remaining === 0) this.state = after;
    return this.dataEnd;
  }

  /** One octet of a chunk's frame. */
  #step(code: number): void {
    if (this.state === 'chunk-size') this.#stepSize(code);
    else if (this.state === 'chunk-extension') this.#stepExtension(code);
    else if (code !== (this.state === 'chunk-data-cr' ? octet.cr : octet.lf)) this.#refuse(refusals.badChunk);
    else if (this.state === 'chunk-size-lf') this.state = this.#remaining === 0 ? 'trailer' : 'chunk-data';
    else if (this.state === 'chunk-data-cr') this.state = 'chunk-data-lf';
    else this.#beginChunk();
  }

  #stepSize(code: number): void {
    const digit = hexDigit(code);
    if (digit >= 0) {
      this.#remaining = this.#remaining * 16 + digit;
      if (++this.#digits > maxSizeDigits) this.#refuse(refusals.badChunk);
    } else if (this.#digits > 0 && code === octet.cr) {
      this.state = 'chunk-size-lf';
    } else if (this.#digits > 0 && code === octet.semicolon) {
      this.state = 'chunk-extension';
      this.#extension = new ExtensionCheck();
    } else {
      this.#refuse(refusals.badChunk);
    }
  }

  #stepExtension(code: number): void {
    if (code === octet.cr && this.#extension?.complete === true) {
      this.state = 'chunk-size-lf';
      return;
    }
    this.#allExtensions++;
    if (this.#allExtensions > maxAllExtensionBytes || this.#extension?.take(code) !== true) {
      this.#refuse(refusals.badChunk);
    }
  }

  #readTrailer(bytes: Buffer, start: number, end: number): number {
    if (
      this.#heldTrailer === '' &&
      bytes[start] === octet.cr &&
      end - start > 1 &&
      bytes[start + 1] === octet.lf
    ) {
      this.state = 'done';
      return start + 2;
    }
    const held = this.#heldTrailer.length;
    const room = Math.min(end, start + maxTrailerBytes + 1 - held);
    const section = Buffer.from(this.#heldTrailer + bytes.toString('latin1', start, room), 'latin1');
    const after = trailerTable.read(section, 0, section.length);
    if (after === refused || (after === incomplete && section.length > maxTrailerBytes)) {
      this.#refuse(after === refused ? trailerTable.refusal : refusals.headTooLarge);
      return start;
    }
    if (after === incomplete) {
      this.#heldTrailer = section.toString('latin1');
      return end;
    }
    this.trailerLines = passedTrailer(section.toString('latin1', 0, after));
    this.state = 'done';
    return start + after - held;
  }

  #refuse(refusal: Refusal): void {
    this.refusal = refusal;
    this.state = 'refused';
  }
}

/** Used only within one call. */
const trailerTable = new FieldTable();

function passedTrailer(text: string): string {
  let lines = '';
  for (let index = 0; index < trailerTable.count; index++) {
    const name = trailerTable.lowerName(index, text, 0);
    if (allowedInTrailer(name)) lines += `${name}: ${trailerTable.value(index, text, 0)}\r\n`;
  }
  return lines;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** `chunk-ext` (RFC 9112 §7.1.1) after its first semicolon, octet by octet, without its optional blanks. Extensions are read to be thrown away. */
class ExtensionCheck {
  #state: 'name-start' | 'name' | 'value-start' | 'token' | 'quoted' | 'escaped' | 'after-quoted' =
    'name-start';
  #length = 0;

  get complete(): boolean {
    return this.#state === 'name' || this.#state === 'token' || this.#state === 'after-quoted';
  }

  take(code: number): boolean {
    if (++this.#length > maxExtensionBytes) return false;
    switch (this.#state) {
      case 'quoted':
        if (code === octet.quote) this.#state = 'after-quoted';
        else if (code === octet.backslash) this.#state = 'escaped';
        return isQuotable(code);
      case 'escaped':
        this.#state = 'quoted';
        return isQuotable(code);
      case 'value-start':
        this.#state = code === octet.quote ? 'quoted' : 'token';
        return code === octet.quote || isToken(code);
      case 'name-start':
        this.#state = 'name';
        return isToken(code);
      default:
        return this.#takeBetween(code);
    }
  }

  #takeBetween(code: number): boolean {
    if (code === octet.semicolon) this.#state = 'name-start';
    else if (code === octet.equals && this.#state === 'name') this.#state = 'value-start';
    else return this.#state !== 'after-quoted' && isToken(code);
    return true;
  }
}

function isToken(code: number): boolean {
  return ((octetClass[code] as number) & tokenOctet) !== 0;
}

function isQuotable(code: number): boolean {
  return ((octetClass[code] as number) & valueOctet) !== 0;
}
