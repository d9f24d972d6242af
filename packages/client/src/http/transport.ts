import type { Readable } from 'node:stream';
import type { Fault } from '@portolan/core/base/fault.ts';

/** How bytes get to an address and back: the one place of the client that opens connections. */
export interface Transport {
  /** Never rejects: what went wrong, and whether it may be sent again, is in the outcome. */
  send(request: OutgoingRequest): Promise<Outcome>;
  /** Ends every connection, idle or not. Resolves when none is left. */
  close(): Promise<void>;
}

export interface OutgoingRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly connectTimeoutMs: number;
  /** From the start until the response's headers. */
  readonly responseTimeoutMs: number;
  /** Ends the request, and the response's body too. */
  readonly signal?: AbortSignal;
}

export type Outcome =
  | {
      readonly outcome: 'response';
      readonly status: number;
      readonly statusText: string;
      /** Name, value, name, value …, as received. */
      readonly rawHeaders: readonly string[];
      /** Must be read to its end or destroyed. */
      readonly body: Readable;
    }
  | {
      readonly outcome: 'failed';
      /** False: no byte of it left this process, so that any request may go elsewhere. */
      readonly sent: boolean;
      /** It went out on a kept-alive connection, which the peer may have closed in the same moment. */
      readonly reused: boolean;
      readonly fault: Fault;
    };
