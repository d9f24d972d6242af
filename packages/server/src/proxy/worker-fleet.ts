import type { GatewayContext } from './config.ts';
import type { OpenDoor } from './open-door.ts';
import type { WorkerReport } from './stats.ts';
import { WorkerProcess } from './worker-process.ts';
import type { WorkerSettings } from './worker-protocol.ts';

/** One worker's place. Its sockets stay with the place, whoever holds it. */
type Slot =
  | { readonly kind: 'empty' }
  | { readonly kind: 'running'; readonly worker: WorkerProcess; readonly sinceMs: number }
  /** It died; another worker minds its sockets until the next one is there. */
  | { readonly kind: 'waiting'; readonly cancel: () => void };

/** The first replacement comes at once; one that dies young again waits longer. */
const firstBackOffMs = 100;
const slowestBackOffMs = 5_000;
/** A worker that lived this long did not die of its start. */
const soundLifeMs = 10_000;
/** A replacement that has no model by then is given up, and the old worker stays. */
const reloadPatienceMs = 10_000;

export type RequestWatcher = (lines: readonly string[]) => void;

/** The worker processes: as many as asked for, each replaced when it dies. */
export class WorkerFleet {
  readonly size: number;
  readonly #context: GatewayContext;
  #settings: WorkerSettings;
  readonly #slots: Slot[];
  readonly #crashes: number[];
  readonly #doors = new Map<number, OpenDoor>();
  /** By the slot whose sockets are minded: who minds them. */
  readonly #minders = new Map<number, WorkerProcess>();
  /** Those that finish what they have under way. */
  readonly #retiring = new Map<WorkerProcess, Promise<void>>();
  readonly #watchers = new Set<RequestWatcher>();
  #readyWaiters: (() => void)[] = [];
  #stopping = false;
  #troubled = false;

  constructor(context: GatewayContext, size: number, settings: WorkerSettings) {
    this.#context = context;
    this.size = size;
    this.#settings = settings;
    this.#slots = Array.from({ length: size }, () => ({ kind: 'empty' }));
    this.#crashes = Array.from({ length: size }, () => 0);
  }

  start(): void {
    for (let index = 0; index < this.size; index++) this.#fill(index);
  }

  /**
   * Resolves when every worker has a model, and with it its sockets; when we stop; after `patienceMs` if one of them misses its control plane;
   * else, on a machine that is only slow, after four times that.
   */
  firstReady(patienceMs: number): Promise<void> {
    if (this.#allReady()) return Promise.resolve();
    const { clock } = this.#context;
    return new Promise((resolve) => {
      let cancel = clock.after(patienceMs, () => {
        if (this.#troubled) resolve();
        else cancel = clock.after(3 * patienceMs, resolve);
      });
      this.#readyWaiters.push(() => {
        cancel();
        resolve();
      });
    });
  }

  /** Gives each worker its socket of this door, now or when it is ready. */
  openDoor(id: number, door: OpenDoor): void {
    this.#doors.set(id, door);
    for (const [index, slot] of this.#slots.entries()) {
      if (slot.kind === 'running' && slot.worker.hasModel) this.#giveDoor(slot.worker, index, id, door);
      else {
        const minder = this.#minders.get(index);
        if (minder !== undefined) this.#giveDoor(minder, index, id, door);
      }
    }
  }

  closeDoor(id: number): void {
    this.#doors.delete(id);
    for (const worker of this.#workers()) {
      for (let index = 0; index < this.size; index++) worker.unlisten(this.#socketId(id, index));
    }
  }

  /** The control plane is to be found there from now on: also by the workers that come. */
  useServers(servers: readonly string[]): void {
    this.#settings = { ...this.#settings, servers };
    for (const worker of this.#workers()) worker.useServers(servers);
  }

  /** TLS session tickets are sealed with it from now on: also by the workers that come. */
  useTicketSecret(ticketSecret: string): void {
    this.#settings = { ...this.#settings, ticketSecret };
    for (const worker of this.#workers()) worker.useTicketSecret(ticketSecret);
  }

  /** Shows requests to `watcher` as they end, as lines of JSON; the returned function ends it. */
  watchRequests(watcher: RequestWatcher): () => void {
    this.#watchers.add(watcher);
    this.#watch(true);
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.#watch(false);
    };
  }

  #watch(watched: boolean): void {
    this.#settings = { ...this.#settings, watched };
    for (const worker of this.#workers()) worker.watch(watched);
  }

  problems(): readonly string[] {
    return this.#slots.flatMap((slot, index) => {
      if (slot.kind === 'running' && slot.worker.ready) return [];
      return [`worker ${index + 1} of ${this.size} is not ready`];
    });
  }

  async reports(): Promise<readonly WorkerReport[]> {
    const reports = await Promise.all(this.#workers().map((worker) => worker.report()));
    return reports.filter((report) => report !== undefined);
  }

  /**
   * Replaces the workers one by one: the new one accepts before the old one stops to. Resolves when all are replaced; the old ones
   * take up to `drainMs` more to finish what they have under way.
   */
  async reload(drainMs: number): Promise<void> {
    for (let index = 0; index < this.size && !this.#stopping; index++) {
      const old = this.#slots[index];
      if (old?.kind !== 'running') continue;
      const next = await this.#spawnReady(index);
      if (next === undefined) {
        this.#context.log.error(
          { worker: index },
          'the replacement did not become ready; the old worker stays',
        );
        return;
      }
      this.#slots[index] = { kind: 'running', worker: next, sinceMs: this.#context.clock.monotonicMs() };
      this.#retire(old.worker, drainMs);
    }
  }

  /** Drains them all, those that a reload has replaced too; those that take longer are killed. May be called again, with less time. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    this.#tellReady();
    for (const worker of this.#retiring.keys()) void worker.drain(deadlineMs);
    for (const [index, slot] of this.#slots.entries()) {
      if (slot.kind === 'waiting') slot.cancel();
      if (slot.kind === 'running') this.#retire(slot.worker, deadlineMs);
      this.#slots[index] = { kind: 'empty' };
    }
    await Promise.all(this.#retiring.values());
  }

  #retire(worker: WorkerProcess, drainMs: number): void {
    const gone = worker.drain(drainMs).finally(() => this.#retiring.delete(worker));
    this.#retiring.set(worker, gone);
  }

  #workers(): readonly WorkerProcess[] {
    return this.#slots.flatMap((slot) => (slot.kind === 'running' ? [slot.worker] : []));
  }

  #fill(index: number): void {
    const worker = this.#spawn(index, () => {
      this.#minders.get(index)?.unlistenAll(this.#socketIds(index));
      this.#minders.delete(index);
      if (this.#allReady()) this.#tellReady();
    });
    this.#slots[index] = { kind: 'running', worker, sinceMs: this.#context.clock.monotonicMs() };
  }

  /** A worker for `index` beside the one that is there. */
  #spawnReady(index: number): Promise<WorkerProcess | undefined> {
    return new Promise((resolve) => {
      const worker = this.#spawn(index, () => {
        cancel();
        resolve(worker);
      });
      const cancel = this.#context.clock.after(reloadPatienceMs, () => {
        this.#retire(worker, 0);
        resolve(undefined);
      });
    });
  }

  #spawn(index: number, onReady: () => void): WorkerProcess {
    const { log } = this.#context;
    const worker: WorkerProcess = new WorkerProcess(this.#settings, {
      onModel: () => {
        for (const [id, door] of this.#doors) this.#giveDoor(worker, index, id, door);
      },
      onReady,
      onRequests: (lines) => {
        for (const watcher of this.#watchers) watcher(lines);
      },
      onTrouble: (message) => {
        this.#troubled = true;
        log.warn({ worker: index, pid: worker.pid }, message);
      },
      onListenError: (id, error) => log.error({ worker: index, door: id, error }, 'a worker cannot listen'),
      onExit: () => this.#onExit(index, worker),
    });
    return worker;
  }

  #onExit(index: number, worker: WorkerProcess): void {
    const slot = this.#slots[index];
    if (this.#stopping || slot?.kind !== 'running' || slot.worker !== worker) return;
    const { clock, log } = this.#context;
    const livedMs = clock.monotonicMs() - slot.sinceMs;
    const crashes = livedMs >= soundLifeMs ? 0 : (this.#crashes[index] ?? 0);
    this.#crashes[index] = crashes + 1;
    const delayMs = crashes === 0 ? 0 : Math.min(slowestBackOffMs, firstBackOffMs * 2 ** (crashes - 1));
    log.error({ worker: index, pid: worker.pid, delayMs }, 'a worker died; it is replaced');
    this.#slots[index] = { kind: 'waiting', cancel: clock.after(delayMs, () => this.#fill(index)) };
    for (const [minded, minder] of this.#minders) if (minder === worker) this.#mind(minded);
    this.#mind(index);
  }

  /** Lets a worker that runs accept from the sockets of one that does not. */
  #mind(index: number): void {
    const minder = this.#workers().find((worker) => worker.ready);
    if (minder === undefined) {
      this.#minders.delete(index);
      return;
    }
    this.#minders.set(index, minder);
    for (const [id, door] of this.#doors) this.#giveDoor(minder, index, id, door);
  }

  #giveDoor(worker: WorkerProcess, index: number, id: number, door: OpenDoor): void {
    const handle = door.handles[index];
    if (handle !== undefined || door.door.kind === 'udp')
      worker.listen(this.#socketId(id, index), door.door, handle);
  }

  #socketId(door: number, index: number): number {
    return door * this.size + index;
  }

  #socketIds(index: number): readonly number[] {
    return [...this.#doors.keys()].map((id) => this.#socketId(id, index));
  }

  #allReady(): boolean {
    return this.#slots.every((slot) => slot.kind === 'running' && slot.worker.ready);
  }

  #tellReady(): void {
    for (const waiter of this.#readyWaiters) waiter();
    this.#readyWaiters = [];
  }
}
