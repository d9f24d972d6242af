import type { Answer, Dependencies } from './answer.ts';
import { limits } from './limits.ts';
import { type Name, type Resource, typeCode } from './message.ts';
import { MessageWriter } from './writer.ts';

const headerBytes = 12;
/** Where the target stands in an SRV record whose owner is a pointer: pointer, type, class, TTL, length, then 6 bytes of data. */
export const srvTargetOffset = 18;
export const noTarget = 0xffff_ffff;
/** No record is begun after this, so that the last one still fits. */
const maxFixedBytes = 32_768;

/**
 * An answer in wire form, cut into pieces that `render` puts together in a new order for each query. The pieces hold
 * compression pointers to the question and to `fixed`, whose places never move: an encoded answer belongs to questions of
 * one length.
 */
export interface EncodedAnswer {
  readonly rcode: number;
  readonly authoritative: boolean;
  /** Length of the header and the question together. */
  readonly questionEnd: number;
  readonly fixed: Section;
  /** The records whose order changes; record i is `records[starts[i] … starts[i + 1]]`. */
  readonly records: Buffer;
  readonly starts: Uint32Array;
  /** For each record the index of its target in `targets`, or `noTarget`. */
  readonly targetOf: Uint32Array;
  readonly targets: readonly Target[];
  /** The order of the last response: shuffled in place. */
  readonly order: Uint32Array;
  readonly limit: number;
  readonly authority: Section;
  readonly additional: Section;
  readonly dependsOn: Dependencies | undefined;
  /** About what it takes in memory. */
  readonly bytes: number;
}

export interface Section {
  readonly bytes: Buffer;
  readonly count: number;
}

/** Address records of an SRV target. Each begins with two bytes for a pointer to where the target was written this time. */
export interface Target extends Section {
  /** Where each of its records begins. */
  readonly starts: readonly number[];
  /** The response that gave them last: not twice in one. */
  stamp: number;
}

/** Encodes answers. Holds one buffer that every call uses again. */
export class AnswerEncoder {
  readonly #bytes = Buffer.allocUnsafe(limits.tcpMessageBytes);
  readonly #writer = new MessageWriter(this.#bytes);

  /** Records that do not fit a message of 64 KB are left out. Faults: see `MessageWriter`. */
  encode(question: Name, answer: Answer): EncodedAnswer {
    const writer = this.#writer;
    writer.restart(headerBytes);
    writer.name(question);
    writer.uint32(0);
    const questionEnd = writer.offset;
    const fixed = this.#section(answer.fixed);
    const fixedEnd = questionEnd + fixed.bytes.length;

    const targetKeys = [...answer.targets.keys()];
    const targetIndex = new Map(targetKeys.map((key, index) => [key, index]));
    const pieces: Buffer[] = [];
    const starts = [0];
    for (const record of answer.shuffled) {
      const piece = this.#piece(record, fixedEnd);
      pieces.push(piece);
      starts.push((starts.at(-1) ?? 0) + piece.length);
    }
    const targets = targetKeys.map((key) => this.#target(answer.targets.get(key) ?? []));
    const authority = this.#tail(answer.authorities, fixedEnd);
    const additional = this.#tail(answer.additionals, fixedEnd);
    const records = Buffer.concat(pieces);
    return {
      rcode: answer.rcode,
      authoritative: answer.authoritative,
      questionEnd,
      fixed,
      records,
      starts: Uint32Array.from(starts),
      targetOf: Uint32Array.from(answer.shuffled, (record) =>
        record.type === 'SRV' ? (targetIndex.get(record.target.join('.')) ?? noTarget) : noTarget,
      ),
      targets,
      order: Uint32Array.from(pieces, (_, index) => index),
      limit: answer.shuffledLimit,
      authority,
      additional,
      dependsOn: answer.dependsOn,
      bytes: 512 + records.length + pieces.length * 12 + targets.length * 160 + fixed.bytes.length,
    };
  }

  /** Records right after what was written last; names in them may point at all before. */
  #section(records: readonly Resource[]): Section {
    const from = this.#writer.offset;
    let count = 0;
    for (const record of records) {
      // Longest record: data of 64 KB cannot be, a metadata value has at most some KB; the check needs no exact figure.
      if (this.#writer.offset > maxFixedBytes) break;
      this.#writer.record(record);
      count++;
    }
    return { bytes: Buffer.from(this.#bytes.subarray(from, this.#writer.offset)), count };
  }

  /** A record that may stand anywhere after `fixedEnd`: nothing may point at its own names. */
  #piece(record: Resource, fixedEnd: number): Buffer {
    return Buffer.from(this.#writer.detached(fixedEnd, () => this.#writer.record(record)));
  }

  #tail(records: readonly Resource[], fixedEnd: number): Section {
    return {
      bytes: Buffer.concat(records.map((record) => this.#piece(record, fixedEnd))),
      count: records.length,
    };
  }

  #target(records: readonly Resource[]): Target {
    const starts: number[] = [];
    const pieces: Buffer[] = [];
    let length = 0;
    for (const record of records) {
      // The root as the owner takes one byte; the pointer that replaces it, two.
      const piece = Buffer.from(this.#writer.detached(0, () => this.#writer.record({ ...record, name: [] })));
      starts.push(length);
      pieces.push(Buffer.from([0xc0, 0]), piece.subarray(1));
      length += piece.length + 1;
    }
    return { bytes: Buffer.concat(pieces), count: records.length, starts, stamp: 0 };
  }
}

/** The OPT record of every response to a query with EDNS: our size, no options. */
export const optRecord: Buffer = Buffer.from([
  0,
  0,
  typeCode.OPT,
  limits.ednsUdpBytes >> 8,
  limits.ednsUdpBytes & 0xff,
  0,
  0,
  0,
  0,
  0,
  0,
]);
