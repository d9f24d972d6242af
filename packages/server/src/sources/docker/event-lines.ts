import { Fault } from '@portolan/core/base/fault.ts';
import { limits } from './limits.ts';

const newline = 0x0a;

/**
 * Takes the bytes of a stream of JSON texts, one on each line, and gives `onLine` each line's text, without blank ones. The
 * returned function throws `too-large` for a line longer than `maxBytes`.
 */
export function lineSplitter(
  onLine: (line: string) => void,
  maxBytes: number = limits.maxEventBytes,
): (chunk: Buffer) => void {
  let held: Buffer[] = [];
  let heldBytes = 0;
  const hold = (piece: Buffer): void => {
    heldBytes += piece.length;
    if (heldBytes > maxBytes) throw new Fault('too-large', `an event is larger than ${maxBytes} bytes`);
    held.push(piece);
  };
  return (chunk) => {
    let from = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
      hold(chunk.subarray(from, end));
      from = end + 1;
      const line = Buffer.concat(held, heldBytes).toString('utf8').trim();
      held = [];
      heldBytes = 0;
      if (line !== '') onLine(line);
    }
    if (from < chunk.length) hold(chunk.subarray(from));
  };
}
