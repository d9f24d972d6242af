import { lookup as systemLookup } from 'node:dns';
import { isIP } from 'node:net';
import { addressRules } from '@portolan/core/base/address-rules.ts';
import type { Clock } from '@portolan/core/base/clock.ts';

/** How long an answer is good; then the name is looked up again, and its old address used meanwhile. */
const freshMs = 30_000;
/** New names are waited for this long at most: a configuration without them would take away what is served. */
const patienceMs = 2_000;
/** The system's resolver holds a thread of the pool that the store needs too, of four. */
const maxLookups = 1;
const maxNames = 1_024;

/** The planner leaves denied addresses out, but cannot know what a name resolves to. */
const rules = addressRules();

export type Lookup = (
  host: string,
  callback: (error: Error | null, addresses: readonly string[]) => void,
) => void;

/** As the system resolves it, hosts file included. */
const lookupBySystem: Lookup = (host, callback) => {
  systemLookup(host, { all: true, order: 'ipv4first' }, (error, found) =>
    callback(error, error === null ? found.map(({ address }) => address) : []),
  );
};

interface Name {
  address: string | undefined;
  /** Monotonic; undefined: nobody answered yet. */
  answeredAtMs: number | undefined;
  asking: boolean;
  /** Whoever needs it has waited once; no change is held up by it again. */
  waited: boolean;
}

/**
 * The addresses of endpoints that are known by name. nginx would look names up as it reads its configuration, and one without an answer
 * would keep it from reading on: so they are looked up here, and nginx is given addresses.
 */
export class Addresses {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #lookup: Lookup;
  #names = new Map<string, Name>();
  readonly #queue: string[] = [];
  #running = 0;
  #waiters: (() => void)[] = [];

  /** @param onChange a name has another address than before */
  constructor(clock: Clock, onChange: () => void, lookup: Lookup = lookupBySystem) {
    this.#clock = clock;
    this.#onChange = onChange;
    this.#lookup = lookup;
  }

  /** An IP address as it is, a name's address, undefined for anything else. */
  of(address: string): string | undefined {
    return isIP(address) === 0 ? this.#names.get(address)?.address : address;
  }

  /** These are in use, others are forgotten. Resolves when each was answered once, or when it took too long. */
  async use(addresses: Iterable<string>): Promise<void> {
    const names = new Map<string, Name>();
    for (const address of addresses) {
      if (names.size === maxNames) break;
      if (isIP(address) !== 0 || !isHostName(address)) continue;
      names.set(
        address,
        this.#names.get(address) ?? {
          address: undefined,
          answeredAtMs: undefined,
          asking: false,
          waited: false,
        },
      );
    }
    this.#names = names;
    this.refresh();
    if (!this.#unanswered()) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(patienceMs, () => this.#wake());
      this.#waiters.push(() => {
        cancel();
        resolve();
      });
    });
  }

  /** Looks up again what is old. */
  refresh(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [host, name] of this.#names) {
      if (name.asking || (name.answeredAtMs !== undefined && nowMs - name.answeredAtMs < freshMs)) continue;
      name.asking = true;
      this.#queue.push(host);
    }
    this.#fill();
  }

  #unanswered(): boolean {
    return [...this.#names.values()].some((name) => name.answeredAtMs === undefined && !name.waited);
  }

  #fill(): void {
    while (this.#running < maxLookups) {
      const host = this.#queue.shift();
      if (host === undefined) return;
      this.#running += 1;
      this.#lookup(host, (error, found) => {
        this.#running -= 1;
        this.#settle(host, error === null ? found.filter(rules.allows) : []);
        this.#fill();
      });
    }
  }

  /** A name that cannot be resolved any more keeps its address. One of several addresses is kept as long as it is among them. */
  #settle(host: string, found: readonly string[]): void {
    const name = this.#names.get(host);
    if (name === undefined) return;
    const late = name.answeredAtMs !== undefined || this.#waiters.length === 0;
    name.asking = false;
    name.answeredAtMs = this.#clock.monotonicMs();
    const before = name.address;
    if (before === undefined || (found.length > 0 && !found.includes(before)))
      name.address = [...found].sort()[0];
    if (late && name.address !== before) this.#onChange();
    if (!this.#unanswered()) this.#wake();
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const name of this.#names.values()) name.waited = true;
    for (const waiter of waiters) waiter();
  }
}

function isHostName(text: string): boolean {
  return text.length <= 253 && /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/.test(text);
}
