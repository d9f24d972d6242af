import { Fault } from '@portolan/core/base/fault.ts';
import type { LeaseRecord, NodeRecord } from '@portolan/core/catalog/records.ts';
import { keyOf } from '@portolan/core/catalog/records.ts';
import type { Context } from '../../contract.ts';
import { type DockerConfig, formatEngineAddress } from './config.ts';
import { connectDocker, type DockerApi, type EventStream } from './docker-api.ts';
import { Inbox, type News } from './inbox.ts';
import { dialect, type Records, reconcile } from './intents.ts';
import { limits } from './limits.ts';
import type { Place } from './translate.ts';
import { World } from './world.ts';

export type SessionContext = Pick<Context, 'engine' | 'identity' | 'clock' | 'log'>;

/**
 * One connection to an engine, from its opening to its end. First the stream of events, then the list, so that nothing falls
 * in between; then whatever changes. Every change is read anew from the engine and the catalog takes the difference.
 */
export class Session {
  readonly #context: SessionContext;
  readonly #config: DockerConfig;
  readonly #signal: AbortSignal;
  readonly #api: DockerApi;
  readonly #world: World;
  readonly #lease: LeaseRecord | undefined;
  readonly #inbox = new Inbox();
  readonly #unread = new Set<string>();
  #written: Records | undefined;
  #told: ReadonlySet<string> = new Set();
  #broken: Fault | undefined;
  #wake: () => void = () => undefined;

  /** Use `followEngine`. */
  constructor(
    context: SessionContext,
    config: DockerConfig,
    parts: { api: DockerApi; place: Place; lease: LeaseRecord | undefined; signal: AbortSignal },
  ) {
    this.#context = context;
    this.#config = config;
    this.#api = parts.api;
    this.#signal = parts.signal;
    this.#lease = parts.lease;
    this.#world = new World(parts.place);
  }

  /** Rejects when the connection breaks or the signal aborts; `onComplete` is called once everything is in the catalog. */
  async run(since: string, onComplete: (containers: number) => void): Promise<never> {
    this.#watch(await this.#api.events(since, (event) => this.#inbox.add(event)));
    const { catalog } = this.#context.engine.view;
    this.#world.adopt(catalog, this.#nowMs());
    await this.#readAll();
    onComplete(this.#world.size);
    return await this.#follow();
  }

  #watch({ broken }: EventStream): void {
    broken.catch((error: unknown) => {
      this.#broken = Fault.from(error);
      this.#wake();
    });
    this.#signal.addEventListener('abort', () => this.#wake(), { once: true });
  }

  async #follow(): Promise<never> {
    const { resyncMs, ttlMs } = this.#config;
    const pingEveryMs = ttlMs > 0 ? Math.min(limits.pingEveryMs, ttlMs / 3) : limits.pingEveryMs;
    let resyncAtMs = this.#after(resyncMs);
    let pingAtMs = this.#after(pingEveryMs);
    for (;;) {
      this.#mustLast();
      this.#renewLease();
      const nowMs = this.#nowMs();
      if (nowMs >= resyncAtMs) {
        await this.#readAll();
        resyncAtMs = this.#after(resyncMs);
      } else if (!this.#inbox.isEmpty) await this.#readChanged(this.#inbox.take());
      else if (nowMs >= pingAtMs) {
        await this.#api.ping();
        await this.#endOverdueStops();
        pingAtMs = this.#after(pingEveryMs);
      } else await this.#idle(Math.min(resyncAtMs, pingAtMs) - nowMs);
    }
  }

  async #readAll(): Promise<void> {
    const listed = await this.#api.list(this.#config.deregister === 'on-success');
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
      this.#world.read(await this.#api.inspect(id));
      this.#renewLease();
    } catch (error) {
      const fault = Fault.from(error);
      if (fault.code === 'not-found') this.#world.forget(id);
      else if (fault.code === 'timeout' || fault.code === 'too-large' || fault.code === 'invalid') {
        this.#context.log.warn(
          { err: fault, container: id },
          'a container cannot be read: what is known of it stays',
        );
        this.#world.unread(id);
        this.#unread.add(id);
      } else throw fault;
    }
  }

  async #write({ everything }: { everything: boolean }): Promise<void> {
    const { engine, identity } = this.#context;
    const { records, problems } = this.#world.wanted();
    const wanted =
      this.#lease === undefined
        ? records
        : new Map([[keyOf.lease(this.#lease.id), this.#lease] as const, ...records]);
    const before = everything ? undefined : this.#written;
    const node = nodeOf(identity);
    const { written, refused } = await engine.submit((draft) => reconcile(draft, node, before, wanted));
    this.#written = written;
    this.#tell([...problems, ...refused]);
  }

  /** Each problem once, for as long as it lasts. */
  #tell(problems: readonly string[]): void {
    for (const problem of problems) if (!this.#told.has(problem)) this.#context.log.warn(problem);
    this.#told = new Set(problems);
  }

  async #endOverdueStops(): Promise<void> {
    const names = this.#world.forgetOverdueStops(this.#nowMs());
    if (names.length === 0) return;
    this.#context.log.warn({ containers: names }, 'told to stop, and still running: back in service');
    await this.#write({ everything: false });
  }

  #renewLease(): void {
    if (this.#lease !== undefined) this.#context.engine.leases.renew(this.#lease.id);
  }

  #mustLast(): void {
    if (this.#signal.aborted) throw new Fault('cancelled', 'the source stops');
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

/** Longer timers overflow. */
const maxTimerMs = 2 ** 31 - 1;

/** Follows the engine until the connection breaks: always rejects, with `cancelled` when `signal` aborted. */
export async function followEngine(
  context: SessionContext,
  config: DockerConfig,
  signal: AbortSignal,
  onComplete: () => void,
): Promise<never> {
  const ended = new AbortController();
  const all = AbortSignal.any([signal, ended.signal]);
  try {
    const { identity, clock, log, engine } = context;
    const address = formatEngineAddress(config.engine);
    const origin = { dialect, source: address, node: identity.node };
    const api = await connectDocker({ address: config.engine, clock, signal: all });
    const info = await api.info();
    const lease = leaseOf(config, origin);
    const place: Place = {
      config,
      origin,
      node: identity.node,
      hostName: info.hostName || identity.node,
      hostAddress: identity.address,
      lease: lease?.id,
    };
    const session = new Session(context, config, { api, place, lease, signal: all });
    if (lease !== undefined) engine.leases.grant(lease.id, lease.ttlMs, () => expire(context));
    return await session.run(info.now, (containers) => {
      log.info({ engine: address, version: info.version, host: info.hostName, containers }, 'follows Docker');
      onComplete();
    });
  } finally {
    ended.abort();
  }
}

function leaseOf({ ttlMs }: DockerConfig, origin: LeaseRecord['origin']): LeaseRecord | undefined {
  if (ttlMs === 0) return undefined;
  return { kind: 'lease', id: leaseId(origin), ttlMs, owner: origin.node, origin };
}

function leaseId({ node, source }: LeaseRecord['origin']): string {
  return `docker:${node}:${source}`;
}

/** Nobody could say for too long whether anything still runs. The next complete list brings back what does. */
function expire({ engine, identity, log }: SessionContext): void {
  const node = nodeOf(identity);
  engine
    .submit((draft) => reconcile(draft, node, undefined, new Map()))
    .then(
      () => log.warn('the Docker Engine was away for longer than docker.ttl: its instances are removed'),
      (error: unknown) =>
        log.error({ err: error }, 'instances of a Docker Engine that is away could not be removed'),
    );
}

/** This machine, where nobody else has put it into the catalog. */
function nodeOf(identity: SessionContext['identity']): NodeRecord {
  return {
    kind: 'node',
    name: identity.node,
    id: identity.nodeId,
    address: identity.address,
    datacenter: identity.datacenter,
    taggedAddresses: {},
    metadata: {},
    adminState: 'in-service',
    adminReason: '',
    origin: { dialect, source: 'self', node: identity.node },
  };
}
