import { Fault } from '@portolan/core/base/fault.ts';
import { recordKey } from '@portolan/core/catalog/records.ts';
import type { Diagnostic } from '@portolan/core/traffic/model.ts';
import type { Context } from '../../contract.ts';
import type { DockerApi, EventStream } from './docker-api.ts';
import { Inbox, type News } from './inbox.ts';
import { type Records, reconcile } from './intents.ts';
import { limits } from './limits.ts';
import { selfNode } from './place.ts';
import type { Place } from './translate.ts';
import { World } from './world.ts';

export type SessionContext = Pick<Context, 'engine' | 'identity' | 'clock' | 'log'>;

export interface SessionParts {
  readonly api: DockerApi;
  readonly place: Place;
  /** Ends the session. */
  readonly signal: AbortSignal;
  readonly listener: SessionListener;
}

export interface SessionListener {
  /** Everything is in the catalog for the first time. */
  onComplete(containers: number): void;
  /** What cannot be registered now. */
  onDiagnostics(diagnostics: readonly Diagnostic[]): void;
}

/**
 * One connection to an engine, from its opening to its end. First the stream of events, then the list, so that nothing falls
 * in between; then whatever changes. Every change is read anew from the engine and the catalog takes the difference.
 */
export class Session {
  readonly #context: SessionContext;
  readonly #parts: SessionParts;
  readonly #world: World;
  readonly #inbox = new Inbox();
  readonly #unread = new Set<string>();
  #written: Records | undefined;
  #told: ReadonlySet<string> = new Set();
  #broken: Fault | undefined;
  #wake: () => void = () => undefined;

  constructor(context: SessionContext, parts: SessionParts) {
    this.#context = context;
    this.#parts = parts;
    this.#world = new World(parts.place);
  }

  /** Rejects when the connection breaks or the signal aborts; `since` is where the events start. */
  async run(since: string): Promise<never> {
    this.#watch(await this.#parts.api.events(since, (event) => this.#inbox.add(event)));
    const { catalog } = this.#context.engine.view;
    this.#world.adopt(catalog, this.#nowMs());
    await this.#readAll();
    this.#parts.listener.onComplete(this.#world.size);
    return await this.#follow();
  }

  #watch({ broken }: EventStream): void {
    broken.catch((error: unknown) => {
      this.#broken = Fault.from(error);
      this.#wake();
    });
    this.#parts.signal.addEventListener('abort', () => this.#wake(), { once: true });
  }

  async #follow(): Promise<never> {
    const { resyncMs, ttlMs } = this.#parts.place.config;
    const pingEveryMs = ttlMs > 0 ? Math.min(limits.pingEveryMs, ttlMs / 3) : limits.pingEveryMs;
    let resyncAtMs = this.#after(resyncMs);
    let pingAtMs = this.#after(pingEveryMs);
    for (;;) {
      this.#mustLast();
      if (!this.#renewLease()) throw new Fault('timeout', 'Docker did not answer for longer than docker.ttl');
      const nowMs = this.#nowMs();
      if (nowMs >= resyncAtMs) {
        await this.#readAll();
        resyncAtMs = this.#after(resyncMs);
      } else if (!this.#inbox.isEmpty) await this.#readChanged(this.#inbox.take());
      else if (nowMs >= pingAtMs) {
        await this.#parts.api.ping();
        await this.#endOverdueStops();
        pingAtMs = this.#after(pingEveryMs);
      } else await this.#idle(Math.min(resyncAtMs, pingAtMs) - nowMs);
    }
  }

  async #readAll(): Promise<void> {
    const listed = await this.#parts.api.list(this.#parts.place.config.deregister === 'on-success');
    this.#renewLease();
    // An ended one matters only where it had registered something.
    const present = new Set(
      listed.filter(({ id, alive }) => alive || this.#world.has(id)).map(({ id }) => id),
    );
    for (const id of this.#world.ids()) if (!present.has(id)) this.#world.forget(id);
    await this.#read([...present]);
    await this.#write({ everything: true });
  }

  async #readChanged({ containers, overflowed }: News): Promise<void> {
    if (overflowed) return await this.#readAll();
    await this.#read([...containers.keys()]);
    const nowMs = this.#nowMs();
    for (const [id, news] of containers) this.#world.note(id, news, nowMs);
    await this.#write({ everything: false });
  }

  /** A few at a time. One that cannot be read keeps nobody waiting but itself. */
  async #read(ids: readonly string[]): Promise<void> {
    const queue = ids.values();
    const readers = Array.from({ length: Math.min(limits.maxRequests, ids.length) }, async () => {
      for (const id of queue) await this.#readOne(id);
    });
    await Promise.all(readers);
  }

  async #readOne(id: string): Promise<void> {
    this.#unread.delete(id);
    try {
      this.#world.read(await this.#parts.api.inspect(id));
      this.#renewLease();
    } catch (error) {
      const fault = Fault.from(error);
      if (fault.code === 'not-found') this.#world.forget(id);
      else if (fault.code === 'timeout' || fault.code === 'too-large' || fault.code === 'invalid') {
        this.#context.log.debug({ err: fault, container: id }, 'a container cannot be read');
        this.#world.unread(id);
        this.#unread.add(id);
      } else throw fault;
    }
  }

  async #write({ everything }: { everything: boolean }): Promise<void> {
    const { engine, identity } = this.#context;
    const { records, problems } = this.#world.wanted();
    const { lease } = this.#parts.place;
    const wanted = lease === undefined ? records : new Map([[recordKey(lease), lease] as const, ...records]);
    const before = everything ? undefined : this.#written;
    const node = selfNode(identity);
    const { others } = this.#parts.place.config;
    const { written, refused } = await engine.submit((draft) =>
      reconcile(draft, node, before, wanted, others),
    );
    this.#written = written;
    this.#tell([
      ...problems.map(({ container, message }) => diagnostic(`container/${container}`, message)),
      ...Array.from(this.#unread, (id) => diagnostic(`container/${id.slice(0, 12)}`, unreadText)),
      ...refused.map((message) => diagnostic(`node/${identity.node}`, message)),
    ]);
  }

  /** Logs each once, for as long as it lasts. */
  #tell(diagnostics: readonly Diagnostic[]): void {
    const { log } = this.#context;
    for (const { subject, message } of diagnostics) {
      if (!this.#told.has(`${subject} ${message}`)) log.warn({ subject }, message);
    }
    this.#told = new Set(diagnostics.map(({ subject, message }) => `${subject} ${message}`));
    this.#parts.listener.onDiagnostics(diagnostics);
  }

  async #endOverdueStops(): Promise<void> {
    const names = this.#world.forgetOverdueStops(this.#nowMs());
    if (names.length === 0) return;
    this.#context.log.warn({ containers: names }, 'told to stop, and still running: back in service');
    await this.#write({ everything: false });
  }

  /** False: it has run out, and what hung on it is gone. */
  #renewLease(): boolean {
    const { lease } = this.#parts.place;
    return lease === undefined || this.#context.engine.leases.renew(lease.id);
  }

  #mustLast(): void {
    if (this.#parts.signal.aborted) throw new Fault('cancelled', 'the source stops');
    if (this.#broken !== undefined) throw this.#broken;
  }

  /** Until something happens, or `timeoutMs` have passed. */
  async #idle(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    this.#inbox.onNext(resolve);
    const unreadIn = this.#unread.size > 0 ? limits.unreadAgainMs : Number.POSITIVE_INFINITY;
    const cancel = this.#context.clock.after(Math.max(0, Math.min(timeoutMs, unreadIn, maxTimerMs)), resolve);
    await promise;
    cancel();
    for (const id of this.#unread) this.#inbox.add({ container: id, action: 'unread', signal: '' });
  }

  #after(delayMs: number): number {
    return delayMs > 0 ? this.#nowMs() + delayMs : Number.POSITIVE_INFINITY;
  }

  #nowMs(): number {
    return this.#context.clock.monotonicMs();
  }
}

const unreadText = 'it cannot be read now: what is known of it stays';

/** A container's mistake: it never makes the server unready. */
function diagnostic(subject: string, message: string): Diagnostic {
  return { severity: 'warning', code: 'docker-not-registered', subject, message };
}

/** Longer timers overflow. */
const maxTimerMs = 2 ** 31 - 1;
