import type { Clock } from '@portolan/core/base/clock.ts';
import { parseIpv6 } from './address.ts';
import { limits } from './limits.ts';

/** Send the response; send it truncated (who really asked comes back by TCP, a spoofed victim gets no more than was sent); or say nothing. */
export type RateVerdict = 'send' | 'slip' | 'drop';

/**
 * Response rate limiting: so many equal responses a second to one client network. Above it every second response slips through
 * truncated. Networks are /24 and /56, as one attacker can forge any address of them.
 */
export class RateLimit {
  readonly #perSecond: number;
  readonly #clock: Clock;
  readonly #counts = new Map<string, Count>();

  constructor(perSecond: number, clock: Clock) {
    this.#perSecond = perSecond;
    this.#clock = clock;
  }

  /** Counts one response about `question` to `address`. */
  take(address: string, question: string): RateVerdict {
    const key = `${networkOf(address)} ${question}`;
    const second = Math.floor(this.#clock.monotonicMs() / 1_000);
    const count = this.#counts.get(key);
    if (count === undefined || count.second !== second) {
      // Back to the end: the map stays in order of the last fresh second.
      this.#counts.delete(key);
      if (this.#counts.size >= limits.rateLimitedNetworks) this.#forgetOldest();
      this.#counts.set(key, { second, sent: 1 });
      return 'send';
    }
    count.sent++;
    if (count.sent <= this.#perSecond) return 'send';
    return (count.sent - this.#perSecond) % 2 === 1 ? 'slip' : 'drop';
  }

  #forgetOldest(): void {
    const oldest = this.#counts.keys().next();
    if (oldest.done !== true) this.#counts.delete(oldest.value);
  }
}

interface Count {
  readonly second: number;
  sent: number;
}

function networkOf(address: string): string {
  const dot = address.lastIndexOf('.');
  if (dot >= 0) return address.slice(0, dot);
  const bytes = parseIpv6(address.split('%', 1)[0] ?? '');
  return bytes === undefined ? address : Buffer.from(bytes.subarray(0, 7)).toString('hex');
}
