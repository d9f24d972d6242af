/**
 * The one error class of Portolan. Code that rejects an input, or meets a condition that a caller can act on,
 * throws a `Fault`; each dialect maps `code` to its own wire exactly once.
 */
export type FaultCode =
  | 'invalid' // the input is wrong: the message names the field and the fix
  | 'not-found'
  | 'conflict' // a guard (cas, resourceVersion) did not hold
  | 'denied' // not this caller's to change
  | 'too-large' // a limit was passed: the message names the limit
  | 'unavailable' // the store or a peer cannot be reached now; try again
  | 'full' // the disk is full; reads go on
  | 'timeout'
  | 'cancelled'
  | 'internal'; // a defect of ours

export class Fault extends Error {
  readonly code: FaultCode;
  /** The dotted path of the offending field, if there is one, such as `checks[1].interval`. */
  readonly path: string | undefined;

  constructor(code: FaultCode, message: string, options: { cause?: unknown; path?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Fault';
    this.code = code;
    this.path = options.path;
  }

  /** Any thrown value as a `Fault`; one that already is comes back unchanged, an `AbortError` is `cancelled`. */
  static from(thrown: unknown): Fault {
    if (thrown instanceof Fault) return thrown;
    if (thrown instanceof Error) {
      const code = thrown.name === 'AbortError' ? 'cancelled' : 'internal';
      return new Fault(code, thrown.message, { cause: thrown });
    }
    return new Fault('internal', String(thrown), { cause: thrown });
  }
}
