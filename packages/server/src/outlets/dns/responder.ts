import type { Random } from '@portolan/core/base/clock.ts';
import { upstreamDomain } from '../../upstream-names.ts';
import { isReverseName } from './address.ts';
import type { AnswerCache } from './answer-cache.ts';
import type { DnsConfig } from './config.ts';
import type { Directory } from './directory.ts';
import { AnswerEncoder, type EncodedAnswer } from './encoded-answer.ts';
import { limits } from './limits.ts';
import { classCode, type Name, rcode, typeCode } from './message.ts';
import { QueryReader } from './query.ts';
import { Renderer } from './render.ts';
import { answer } from './translate.ts';
import { domainOf, isWithin, type Zone } from './zone.ts';

export type Transport = 'udp' | 'tcp';

/** What `respond` returns instead of a length: say nothing. */
export const silence = 0;
/** Likewise: a good question, but not about our zones; a forwarder may know. */
export const outside = -1;

/** Only answers of these types are kept: a flood of questions for 65,536 types must not fill the cache. */
const keptTypes: ReadonlySet<number> = new Set([typeCode.A, typeCode.AAAA, typeCode.SRV, typeCode.TXT]);

/** From the bytes of a query to the bytes of its response, without I/O. */
export class Responder {
  /** What the last `respond` found in the packet. */
  readonly query = new QueryReader();
  readonly #directory: Directory;
  readonly #zone: Zone;
  readonly #cache: AnswerCache;
  readonly #config: DnsConfig;
  readonly #isTooStale: () => boolean;
  readonly #encoder = new AnswerEncoder();
  readonly #renderer: Renderer;

  constructor(options: {
    directory: Directory;
    zone: Zone;
    cache: AnswerCache;
    config: DnsConfig;
    random: Random;
    isTooStale: () => boolean;
  }) {
    this.#directory = options.directory;
    this.#zone = options.zone;
    this.#cache = options.cache;
    this.#config = options.config;
    this.#isTooStale = options.isTooStale;
    this.#renderer = new Renderer(options.random, options.config.forwarders.length > 0);
  }

  /** Writes the response to `packet` into `out` (64 KB) and returns its length, or `silence`, or `outside`. */
  respond(packet: Buffer, transport: Transport, out: Buffer): number {
    const { query } = this;
    switch (query.read(packet)) {
      case 'drop':
        return silence;
      case 'format-error':
        return this.refuse(packet, rcode.formatError, out);
      case 'not-implemented':
        return this.refuse(packet, rcode.notImplemented, out);
      case 'query':
        return this.#respondTo(packet, transport, out);
    }
  }

  /** Writes an error response to the packet read last. */
  refuse(packet: Buffer, code: number, out: Buffer): number {
    return this.#renderer.bare(packet, this.query, code, false, out);
  }

  /** Writes an empty response that sends the client to TCP. */
  truncate(packet: Buffer, out: Buffer): number {
    return this.#renderer.bare(packet, this.query, rcode.noError, true, out);
  }

  #respondTo(packet: Buffer, transport: Transport, out: Buffer): number {
    const { query } = this;
    if (query.edns && query.ednsVersion !== 0) return this.refuse(packet, rcode.badVersion, out);
    if (query.class !== classCode.IN && query.class !== classCode.ANY)
      return this.refuse(packet, rcode.refused, out);
    if (query.type === typeCode.AXFR || query.type === typeCode.IXFR)
      return this.refuse(packet, rcode.refused, out);
    if (this.#isTooStale()) return this.refuse(packet, rcode.serverFailure, out);
    const key = query.cacheKey();
    const found = this.#cache.get(key) ?? this.#make(key, transport);
    if (found === 'outside') return outside;
    if (found === 'truncate') return this.truncate(packet, out);
    const udp = transport === 'udp';
    const maxRecords = udp && !query.edns ? this.#config.plainUdpAnswerLimit : 0;
    return this.#renderer.answer(
      packet,
      query,
      found,
      udp ? udpRoom(query) : limits.tcpMessageBytes,
      maxRecords,
      out,
    );
  }

  #make(key: string, transport: Transport): EncodedAnswer | 'outside' | 'truncate' {
    const { query } = this;
    const name = query.name();
    // Everything about a name in one packet is what amplification lives on (RFC 8482 §4.4): only by TCP.
    if (query.type === typeCode.ANY && transport === 'udp') {
      return isOurs(name, this.#zone) ? 'truncate' : 'outside';
    }
    const found = answer(this.#directory, name, query.type, this.#zone);
    if (found === undefined) return 'outside';
    const encoded = this.#encoder.encode(name, found);
    if (keptTypes.has(query.type)) this.#cache.put(key, encoded);
    return encoded;
  }
}

function isOurs(name: Name, zone: Zone): boolean {
  const inCluster = zone.cluster !== undefined && isWithin(name, zone.cluster.domain);
  return (
    inCluster || isWithin(name, upstreamDomain) || isReverseName(name) || domainOf(name, zone) !== undefined
  );
}

function udpRoom(query: QueryReader): number {
  if (!query.edns) return limits.plainUdpBytes;
  return Math.min(Math.max(query.udpBytes, limits.plainUdpBytes), limits.ednsUdpBytes);
}
