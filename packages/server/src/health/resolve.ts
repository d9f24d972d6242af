import { lookup as systemLookup } from 'node:dns';
import type { Clock } from '@portolan/core/base/clock.ts';

/** Long enough that 10,000 checks of one name ask once, short enough to follow a move. */
const freshMs = 5_000;
/** A name that once resolved keeps its addresses this long while asking anew is slow or fails. */
const usableMs = 60_000;
/** Lookups under way: the system's resolver holds a thread of the pool that the store needs too, of four. */
const maxLookups = 2;
/** Names that wait for a lookup; more are refused at once. */
const maxWaiting = 4_096;
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

/** Resolves host names for probes, asks little, and never more than `maxLookups` at a time. */
export interface Resolver {
  /** Calls back at once when the answer is at hand. */
  resolve(host: string, callback: Resolved): void;
}

interface Name {
  addresses: readonly string[];
  reason: string | undefined;
  askedAtMs: number;
  resolvedAtMs: number;
  pending: boolean;
  waiters: Resolved[];
}

export function createResolver(clock: Clock, lookup: Lookup = lookupBySystem): Resolver {
  const names = new Map<string, Name>();
  const queue: string[] = [];
  let running = 0;

  function next(): void {
    while (running < maxLookups) {
      const host = queue.shift();
      if (host === undefined) return;
      running += 1;
      lookup(host, (error, found) => {
        running -= 1;
        settle(host, error, found);
        next();
      });
    }
  }

  function settle(host: string, error: Error | null, found: readonly { readonly address: string }[]): void {
    const name = names.get(host);
    if (name === undefined) return;
    const nowMs = clock.monotonicMs();
    name.pending = false;
    name.askedAtMs = nowMs;
    if (error === null && found.length > 0) {
      name.addresses = found.slice(0, maxAddresses).map((entry) => entry.address);
      name.resolvedAtMs = nowMs;
      name.reason = undefined;
    } else if (nowMs - name.resolvedAtMs > usableMs) {
      name.addresses = [];
      name.reason = `lookup ${host}: ${describe(error)}`;
    }
    const { waiters } = name;
    name.waiters = [];
    for (const waiter of waiters) waiter(name.reason, name.addresses);
  }

  function ask(host: string, name: Name): boolean {
    if (name.pending) return true;
    if (queue.length >= maxWaiting) return false;
    name.pending = true;
    queue.push(host);
    next();
    return true;
  }

  function nameOf(host: string): Name {
    const known = names.get(host);
    if (known !== undefined) return known;
    for (const [oldest, name] of names) {
      if (names.size < maxNames) break;
      if (!name.pending) names.delete(oldest);
      else break;
    }
    const name: Name = {
      addresses: [],
      reason: undefined,
      askedAtMs: Number.NEGATIVE_INFINITY,
      resolvedAtMs: Number.NEGATIVE_INFINITY,
      pending: false,
      waiters: [],
    };
    names.set(host, name);
    return name;
  }

  return {
    resolve(host, callback) {
      const name = nameOf(host);
      const nowMs = clock.monotonicMs();
      if (nowMs - name.askedAtMs < freshMs) {
        callback(name.reason, name.addresses);
        return;
      }
      const asked = ask(host, name);
      if (name.addresses.length > 0 && nowMs - name.resolvedAtMs < usableMs) {
        callback(undefined, name.addresses);
      } else if (asked && name.pending) {
        name.waiters.push(callback);
      } else if (asked) {
        callback(name.reason, name.addresses);
      } else {
        callback(`lookup ${host}: too many names wait to be resolved`, []);
      }
    },
  };
}

function describe(error: Error | null): string {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return error === null || code === 'ENOTFOUND' || code === 'ENODATA' ? 'no such host' : error.message;
}
