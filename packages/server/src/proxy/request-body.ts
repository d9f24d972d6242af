/**
 * The body of a request, decoded, as far as it came: kept as Latin-1 text as long as it may have to be sent again, to another endpoint
 * or to two at once.
 */
export class RequestBody {
  /** Octets so far. */
  bytes = 0;
  /** Whether the client sent all of it. */
  whole: boolean;
  /** Of a whole one; `name: value` CR LF. */
  trailerLines = '';
  /** All that was taken so far. Undefined: it is not kept. */
  kept: string | undefined = '';

  constructor(whole: boolean) {
    this.whole = whole;
  }

  /**
   * Notes octets. `sent`: they also go to an upstream now, so that no more than `maxKeptBytes` need be kept; else they are kept whatever
   * their number, and the caller reads no further.
   */
  take(bytes: Buffer, start: number, end: number, sent: boolean, maxKeptBytes: number): void {
    this.bytes += end - start;
    if (this.kept === undefined) return;
    if (sent && this.bytes > maxKeptBytes) this.kept = undefined;
    else this.kept += bytes.toString('latin1', start, end);
  }
}

/** Most requests have none. */
export const emptyBody: RequestBody = Object.freeze(new RequestBody(true));
