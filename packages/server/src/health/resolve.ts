import { lookup as systemLookup } from 'node:dns';
import type { Clock } from '@portolan/core/base/clock.ts';

/** Long enough that 10,000 checks of one name ask once, short enough to follow a move. */
const freshMs = 5_000;
/** A name that once resolved keeps its addresses this long while asking anew is slow or fails. */
const usableMs = 60_000;
/**
 * Lookups under way: the system's resolver holds a thread of the pool that the store needs too, of four. Names that failed or
 * were slow the last time get one of them at most, so that dead names never keep living ones waiting.
 */
const maxLookups = 2;
const maxSlowLookups = 1;
const slowMs = 1_000;
/** Names that wait for a lookup, and probes that wait for one name; more fail at once. */
const maxWaitingNames = 1_024;
const maxWaitersOfName = 64;
/** Names kept; the oldest go first. */
const maxNames = 4_096;
/** Addresses of one name that are tried. */
const maxAddresses = 3;

export type Lookup = (
  host: string,
  callback: (error: Error | null, addresses: readonly { readonly address: string }[]) => void,
) => void;

/** The addresses of a name: as the system resolves it, hosts file included. */
export const lookupBySystem: Lookup = (host, callback) => {
  systemLookup(host, { all: true, order: 'ipv4first' }, callback);
};

/** `reason` is set where there are no addresses. */
export type Resolved = (reason: string | undefined, addresses: readonly string[]) => void;

class Name {
  readonly host: string;
  addresses: readonly string[] = [];
  reason: string | undefined;
  /** Monotonic; when it was last answered, and last answered with addresses. */
  answeredAtMs = Number.NEGATIVE_INFINITY;
  resolvedAtMs = Number.NEGATIVE_INFINITY;
  slow = false;
  asked = false;
  waiters: Resolved[] = [];

  constructor(host: string) {
    this.host = host;
  }
}

/** Resolves host names for probes: asks little, remembers shortly. */
export class Resolver {
  readonly #clock: Clock;
  readonly #lookup: Lookup;
  readonly #names = new Map<string, Name>();
  readonly #queue: Name[] = [];
  readonly #slowQueue: Name[] = [];
  #running = 0;
  #slowRunning = 0;

  constructor(clock: Clock, lookup: Lookup = lookupBySystem) {
    this.#clock = clock;
    this.#lookup = lookup;
  }

  /** Calls back exactly once; at once when the answer is at hand. */
  resolve(host: string, callback: Resolved): void {
    const name = this.#nameOf(host);
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - name.answeredAtMs < freshMs) {
      callback(name.reason, name.addresses);
      return;
    }
    if (name.addresses.length > 0 && nowMs - name.resolvedAtMs < usableMs) {
      this.#ask(name);
      callback(undefined, name.addresses);
    } else if (name.waiters.length < maxWaitersOfName && this.#canAsk(name)) {
      name.waiters.push(callback);
      this.#ask(name);
    } else {
      callback(`lookup ${host}: too much waits to be resolved`, []);
    }
  }

  #canAsk(name: Name): boolean {
    return name.asked || this.#queue.length + this.#slowQueue.length < maxWaitingNames;
  }

  #ask(name: Name): void {
    if (name.asked || !this.#canAsk(name)) return;
    name.asked = true;
    (name.slow ? this.#slowQueue : this.#queue).push(name);
    this.#fill();
  }

  #fill(): void {
    while (this.#running < maxLookups) {
      const slowToo = this.#slowRunning < maxSlowLookups;
      const name = this.#queue.shift() ?? (slowToo ? this.#slowQueue.shift() : undefined);
      if (name === undefined) return;
      this.#start(name);
    }
  }

  #start(name: Name): void {
    const ranSlow = name.slow;
    const startedAtMs = this.#clock.monotonicMs();
    this.#running += 1;
    if (ranSlow) this.#slowRunning += 1;
    this.#lookup(name.host, (error, found) => {
      this.#running -= 1;
      if (ranSlow) this.#slowRunning -= 1;
      const nowMs = this.#clock.monotonicMs();
      name.slow = error !== null || nowMs - startedAtMs > slowMs;
      settle(name, nowMs, error, found);
      this.#fill();
    });
  }

  #nameOf(host: string): Name {
    const known = this.#names.get(host);
    if (known !== undefined) return known;
    if (this.#names.size >= maxNames) {
      // A name that is asked for meanwhile still answers those who wait for it.
      const oldest = this.#names.keys().next();
      if (oldest.done === false) this.#names.delete(oldest.value);
    }
    const name = new Name(host);
    this.#names.set(host, name);
    return name;
  }
}

function settle(
  name: Name,
  nowMs: number,
  error: Error | null,
  found: readonly { readonly address: string }[],
): void {
  name.asked = false;
  name.answeredAtMs = nowMs;
  if (error === null && found.length > 0) {
    name.addresses = found.slice(0, maxAddresses).map((entry) => entry.address);
    name.resolvedAtMs = nowMs;
    name.reason = undefined;
  } else if (nowMs - name.resolvedAtMs >= usableMs) {
    name.addresses = [];
    name.reason = `lookup ${name.host}: ${describe(error)}`;
  }
  const { waiters } = name;
  name.waiters = [];
  for (const waiter of waiters) waiter(name.reason, name.addresses);
}

function describe(error: Error | null): string {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return error === null || code === 'ENOTFOUND' || code === 'ENODATA' ? 'no such host' : error.message;
}
