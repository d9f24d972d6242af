import type { AddressAndPort } from './proxy-protocol/read.ts';

/** Whose connection it is, and where it was received. */
export interface ConnectionEnds {
  readonly source: AddressAndPort;
  readonly destination: AddressAndPort;
}
