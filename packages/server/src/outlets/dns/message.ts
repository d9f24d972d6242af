/** DNS messages as data (RFC 1035 §4, RFC 2782, RFC 3596, RFC 6891). */

/**
 * A name: its labels from left to right, without the root; [] is the root. A label holds one character for each of its
 * bytes (Latin-1), so that whatever came can be given back.
 */
export type Name = readonly string[];

export const typeCode = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

export const classCode = { IN: 1, ANY: 255 } as const;

export const rcode = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  nameError: 3,
  notImplemented: 4,
  refused: 5,
  /** Extended: its upper bits travel in the OPT record. */
  badVersion: 16,
} as const;

/** A resource record of class IN. Addresses are text in their canonical form. */
export type Resource = { readonly name: Name; readonly ttlSeconds: number } & ResourceData;

export type ResourceData =
  | { readonly type: 'A' | 'AAAA'; readonly address: string }
  | { readonly type: 'NS' | 'CNAME' | 'PTR'; readonly target: Name }
  | {
      readonly type: 'SRV';
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: Name;
    }
  /** Latin-1 strings, each at most 255 long. */
  | { readonly type: 'TXT'; readonly strings: readonly string[] }
  | ({ readonly type: 'SOA' } & Authority)
  /** A type that we do not know. */
  | { readonly type: 'other'; readonly code: number; readonly data: Uint8Array };

/** The data of an SOA record, RFC 1035 §3.3.13. */
export interface Authority {
  readonly primary: Name;
  readonly mailbox: Name;
  readonly serial: number;
  readonly refreshSeconds: number;
  readonly retrySeconds: number;
  readonly expireSeconds: number;
  readonly minimumSeconds: number;
}

export interface Question {
  readonly name: Name;
  readonly type: number;
  readonly class: number;
}

/** The OPT record, RFC 6891 §6.1.3. Its options are not kept. */
export interface Edns {
  readonly udpBytes: number;
  readonly version: number;
  readonly dnssecOk: boolean;
}

export interface Message {
  readonly id: number;
  readonly response: boolean;
  readonly opcode: number;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly recursionDesired: boolean;
  readonly recursionAvailable: boolean;
  /** With the OPT record's upper bits. */
  readonly rcode: number;
  readonly questions: readonly Question[];
  readonly answers: readonly Resource[];
  readonly authorities: readonly Resource[];
  /** Without the OPT record. */
  readonly additionals: readonly Resource[];
  readonly edns: Edns | undefined;
}
