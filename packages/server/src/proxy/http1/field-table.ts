import { knownField } from './known-field.ts';
import { octet, octetClass, tokenOctet, valueOctet } from './octets.ts';
import { type Refusal, refusals } from './refusal.ts';

/** Most fields of one header or trailer section. Envoy's default. */
export const maxFields = 100;

/** `read` needs more octets. */
export const incomplete = -1;
/** `read` met something that it refuses: see `refusal`. */
export const refused = -2;

/**
 * The fields of one section (RFC 9112 §5), as positions into the octets they were read from: nothing is copied. One table
 * serves a whole worker, because heads are read and rendered in one go.
 */
export class FieldTable {
  count = 0;
  refusal: Refusal = refusals.badFieldName;
  /** Numbers of `known-field.ts`. */
  readonly known = new Uint8Array(maxFields);
  readonly nameStart = new Int32Array(maxFields);
  readonly nameEnd = new Int32Array(maxFields);
  /** Without the white space around it. */
  readonly valueStart = new Int32Array(maxFields);
  readonly valueEnd = new Int32Array(maxFields);
  /** 1: the line already is as we would write it (`name: value` CR LF). */
  readonly canonical = new Uint8Array(maxFields);
  /** 1: the name holds `_` or `.`: it may imitate another. */
  readonly odd = new Uint8Array(maxFields);

  /**
   * Reads the section that begins at `start`, up to and with its empty line. Returns the position after it, `incomplete` or
   * `refused`. One pass, every octet checked.
   */
  read(bytes: Uint8Array, start: number, end: number): number {
    this.count = 0;
    let position = start;
    for (;;) {
      if (position >= end) return incomplete;
      if (bytes[position] === octet.cr) {
        if (position + 1 >= end) return incomplete;
        if (bytes[position + 1] !== octet.lf) return this.#refuse(refusals.bareLineBreak);
        return position + 2;
      }
      position = this.#readField(bytes, position, end);
      if (position < 0) return position;
    }
  }

  /** The value of field `index` as text of `source`, which begins at octet `base`. */
  value(index: number, source: string, base: number): string {
    return source.slice((this.valueStart[index] as number) - base, (this.valueEnd[index] as number) - base);
  }

  /** The name of field `index`, lower case. */
  lowerName(index: number, source: string, base: number): string {
    return source
      .slice((this.nameStart[index] as number) - base, (this.nameEnd[index] as number) - base)
      .toLowerCase();
  }

  #readField(bytes: Uint8Array, start: number, end: number): number {
    const index = this.count;
    if (index === maxFields) return this.#refuse(refusals.tooManyFields);
    let position = start;
    let odd = 0;
    while (position < end) {
      const code = bytes[position] as number;
      if (((octetClass[code] as number) & tokenOctet) === 0) break;
      if (code === 0x5f || code === octet.dot) odd = 1;
      position++;
    }
    if (position === end) return incomplete;
    if (bytes[position] !== octet.colon || position === start)
      return this.#refuseName(bytes, start, position);
    const nameEnd = position++;
    while (position < end && isBlank(bytes[position])) position++;
    const valueStart = position;
    while (position < end && ((octetClass[bytes[position] as number] as number) & valueOctet) !== 0)
      position++;
    if (position + 1 >= end) return position < end ? this.#checkCr(bytes, position) : incomplete;
    if (bytes[position] !== octet.cr) return this.#refuseValue(bytes, position);
    if (bytes[position + 1] !== octet.lf) return this.#refuse(refusals.bareLineBreak);
    let valueEnd = position;
    while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1])) valueEnd--;
    this.known[index] = knownField(bytes, start, nameEnd);
    this.nameStart[index] = start;
    this.nameEnd[index] = nameEnd;
    this.valueStart[index] = valueStart;
    this.valueEnd[index] = valueEnd;
    this.odd[index] = odd;
    const plain = valueStart === nameEnd + 2 && bytes[nameEnd + 1] === octet.space && valueEnd === position;
    this.canonical[index] = plain ? 1 : 0;
    this.count = index + 1;
    return position + 2;
  }

  #checkCr(bytes: Uint8Array, position: number): number {
    return bytes[position] === octet.cr ? incomplete : this.#refuseValue(bytes, position);
  }

  #refuseName(bytes: Uint8Array, start: number, position: number): number {
    const code = bytes[position];
    if (position === start && isBlank(code)) return this.#refuse(refusals.obsFold);
    if (code === octet.lf || code === octet.cr) return this.#refuse(refusals.bareLineBreak);
    return this.#refuse(refusals.badFieldName);
  }

  #refuseValue(bytes: Uint8Array, position: number): number {
    const lineBreak = bytes[position] === octet.lf;
    return this.#refuse(lineBreak ? refusals.bareLineBreak : refusals.badFieldValue);
  }

  #refuse(refusal: Refusal): number {
    this.refusal = refusal;
    return refused;
  }
}

function isBlank(code: number | undefined): boolean {
  return code === octet.space || code === octet.tab;
}
