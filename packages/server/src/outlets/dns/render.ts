import type { Random } from '@portolan/core/base/clock.ts';
import { type EncodedAnswer, noTarget, optRecord, srvTargetOffset } from './encoded-answer.ts';
import { limits } from './limits.ts';
import type { QueryReader } from './query.ts';

const headerBytes = 12;
/** Pointers have 14 bits. */
const maxPointerTarget = 0x3fff;

/**
 * Puts responses together. Each is made of the query's own bytes (so that id, case and type come back as they were), the
 * pieces of an encoded answer in a random order, and an OPT record when the client speaks EDNS.
 */
export class Renderer {
  readonly #random: Random;
  readonly #recursionBit: number;
  #stamp = 0;

  constructor(random: Random, recursionAvailable: boolean) {
    this.#random = random;
    this.#recursionBit = recursionAvailable ? 0x80 : 0;
  }

  /**
   * Writes the response into `out` (64 KB) and returns its length, at most `maxBytes` (512 or more). Records that do not fit are
   * left out; TC says so when they are answers and TCP would give more. `maxRecords` (0 = none) bounds the shuffled ones without TC.
   */
  answer(
    packet: Buffer,
    query: QueryReader,
    answer: EncodedAnswer,
    maxBytes: number,
    maxRecords: number,
    out: Buffer,
  ): number {
    const end = maxBytes - (query.edns ? optRecord.length : 0);
    let offset = query.questionEnd;
    packet.copy(out, 0, 0, offset);
    let answers = 0;
    let additionals = 0;
    let authorities = 0;
    const { fixed, authority, additional } = answer;
    let truncated = offset + fixed.bytes.length > end;
    if (!truncated) {
      offset += fixed.bytes.copy(out, offset);
      answers = fixed.count;
      const count = this.#shuffle(answer, maxRecords);
      const shuffledEnd = this.#records(answer, count, out, offset, end);
      answers += this.#written;
      truncated = this.#written < count;
      offset = shuffledEnd;
    }
    if (!truncated) {
      if (authority.count > 0 && offset + authority.bytes.length <= end) {
        offset += authority.bytes.copy(out, offset);
        authorities = authority.count;
      }
      if (answer.targets.length > 0) {
        offset = this.#targets(
          answer,
          answers - fixed.count,
          out,
          query.questionEnd + fixed.bytes.length,
          offset,
          end,
        );
        additionals = this.#written;
      }
      if (additional.count > 0 && offset + additional.bytes.length <= end) {
        offset += additional.bytes.copy(out, offset);
        additionals += additional.count;
      }
    }
    if (query.edns) {
      offset += optRecord.copy(out, offset);
      additionals++;
    }
    out[2] =
      0x80 |
      (answer.authoritative ? 0x04 : 0) |
      (truncated && maxBytes < limits.tcpMessageBytes ? 0x02 : 0) |
      (query.recursionDesired ? 0x01 : 0);
    out[3] = this.#recursionBit | answer.rcode;
    writeCounts(out, 1, answers, authorities, additionals);
    return offset;
  }

  /** Writes a response without records: an error, or (`truncated`) the advice to ask by TCP. */
  bare(packet: Buffer, query: QueryReader, code: number, truncated: boolean, out: Buffer): number {
    let offset = query.questionEnd;
    packet.copy(out, 0, 0, offset);
    const flags = out[2] ?? 0;
    out[2] = 0x80 | (flags & 0x79) | (truncated ? 0x02 : 0);
    out[3] = this.#recursionBit | (code & 0xf);
    const edns = query.edns && offset > headerBytes;
    if (edns) {
      offset += optRecord.copy(out, offset);
      out[offset - optRecord.length + 5] = code >> 4;
    }
    writeCounts(out, query.questionEnd > headerBytes ? 1 : 0, 0, 0, edns ? 1 : 0);
    return offset;
  }

  #written = 0;

  /** Brings the first records that will be given into a random order; returns how many those are. */
  #shuffle(answer: EncodedAnswer, maxRecords: number): number {
    const { order } = answer;
    const total = order.length;
    let count = total;
    if (answer.limit > 0 && answer.limit < count) count = answer.limit;
    if (maxRecords > 0 && maxRecords < count) count = maxRecords;
    for (let index = 0; index < count && index < total - 1; index++) {
      const other = index + Math.floor(this.#random() * (total - index));
      const moved = order[other] ?? 0;
      order[other] = order[index] ?? 0;
      order[index] = moved;
    }
    return count;
  }

  /** Sets `#written`; returns the new offset. */
  #records(answer: EncodedAnswer, count: number, out: Buffer, from: number, end: number): number {
    const { order, starts, records } = answer;
    let offset = from;
    let written = 0;
    for (; written < count; written++) {
      const record = order[written] ?? 0;
      const start = starts[record] ?? 0;
      const stop = starts[record + 1] ?? 0;
      if (offset + stop - start > end) break;
      // A loop, not `copy`: records have some tens of bytes, a call costs more than they do.
      for (let at = start; at < stop; at++) out[offset++] = records[at] ?? 0;
    }
    this.#written = written;
    return offset;
  }

  /** The addresses of the targets that the first `count` records name, as far as they fit. Sets `#written`. */
  #targets(
    answer: EncodedAnswer,
    count: number,
    out: Buffer,
    recordsFrom: number,
    from: number,
    end: number,
  ): number {
    const { order, starts, targetOf, targets } = answer;
    const stamp = ++this.#stamp;
    let recordAt = recordsFrom;
    let offset = from;
    let written = 0;
    for (let index = 0; index < count; index++) {
      const record = order[index] ?? 0;
      const targetAt = recordAt + srvTargetOffset;
      recordAt += (starts[record + 1] ?? 0) - (starts[record] ?? 0);
      const which = targetOf[record] ?? noTarget;
      if (which === noTarget || targetAt > maxPointerTarget) continue;
      const target = targets[which];
      if (target === undefined || target.stamp === stamp || offset + target.bytes.length > end) continue;
      target.stamp = stamp;
      const { bytes } = target;
      for (let at = 0; at < bytes.length; at++) out[offset + at] = bytes[at] ?? 0;
      for (const start of target.starts) {
        out[offset + start] = 0xc0 | (targetAt >> 8);
        out[offset + start + 1] = targetAt & 0xff;
      }
      offset += bytes.length;
      written += target.count;
    }
    this.#written = written;
    return offset;
  }
}

function writeCounts(
  out: Buffer,
  questions: number,
  answers: number,
  authorities: number,
  additionals: number,
): void {
  out[4] = 0;
  out[5] = questions;
  out[6] = answers >> 8;
  out[7] = answers & 0xff;
  out[8] = authorities >> 8;
  out[9] = authorities & 0xff;
  out[10] = additionals >> 8;
  out[11] = additionals & 0xff;
}
