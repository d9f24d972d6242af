import type { GatewayContext } from './config.ts';
import type { OpenDoor } from './open-door.ts';
import type { WorkerReport } from './stats.ts';
import { WorkerProcess } from './worker-process.ts';
import type { WorkerSettings } from './worker-protocol.ts';

type Slot =
  | { readonly kind: 'empty' }
  | { readonly kind: 'running'; readonly worker: WorkerProcess; readonly sinceMs: number }
  | { readonly kind: 'waiting'; readonly cancel: () => void };

/** The first replacement comes at once; one that dies young again waits longer. */
const firstBackOffMs = 100;
const slowestBackOffMs = 5_000;
/** A worker that lived this long did not die of its start. */
const soundLifeMs = 10_000;

/** The worker processes: as many as asked for, each replaced when it dies. */
export class WorkerFleet {
  readonly size: number;
  readonly #context: GatewayContext;
  readonly #settings: WorkerSettings;
  readonly #slots: Slot[];
  readonly #crashes: number[];
  readonly #doors = new Map<number, OpenDoor>();
  #readyWaiters: (() => void)[] = [];
  #stopping = false;

  constructor(context: GatewayContext, size: number, settings: WorkerSettings) {
    this.#context = context;
    this.size = size;
    this.#settings = settings;
    this.#slots = Array.from({ length: size }, () => ({ kind: 'empty' }));
    this.#crashes = Array.from({ length: size }, () => 0);
  }

  start(): void {
    for (let slot = 0; slot < this.size; slot++) this.#spawn(slot);
  }

  /** Resolves when every worker has a model, and with it its sockets; when we stop; or after `patienceMs`. */
  firstReady(patienceMs: number): Promise<void> {
    if (this.#allReady()) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#context.clock.after(patienceMs, resolve);
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
      if (slot.kind === 'running' && slot.worker.ready) giveDoor(slot.worker, index, id, door);
    }
  }

  closeDoor(id: number): void {
    this.#doors.delete(id);
    for (const slot of this.#slots) if (slot.kind === 'running') slot.worker.unlisten(id);
  }

  problems(): readonly string[] {
    return this.#slots.flatMap((slot, index) => {
      if (slot.kind === 'running' && slot.worker.ready) return [];
      return [`worker ${index + 1} of ${this.size} is not ready`];
    });
  }

  async reports(): Promise<readonly WorkerReport[]> {
    const asked = this.#slots.flatMap((slot) => (slot.kind === 'running' ? [slot.worker.report()] : []));
    return (await Promise.all(asked)).filter((report) => report !== undefined);
  }

  /** Drains them all; those that take longer are killed. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    this.#tellReady();
    await Promise.all(
      this.#slots.map(async (slot) => {
        if (slot.kind === 'waiting') slot.cancel();
        if (slot.kind === 'running') await slot.worker.drain(deadlineMs);
      }),
    );
  }

  #spawn(index: number): void {
    const { clock, log } = this.#context;
    const worker: WorkerProcess = new WorkerProcess(
      this.#settings,
      {
        onReady: () => {
          for (const [id, door] of this.#doors) giveDoor(worker, index, id, door);
          if (this.#allReady()) this.#tellReady();
        },
        onTrouble: (message) => log.warn({ worker: index, pid: worker.pid }, message),
        onListenError: (id, error) => log.error({ worker: index, door: id, error }, 'a worker cannot listen'),
        onExit: () => this.#onExit(index),
      },
      [],
    );
    this.#slots[index] = { kind: 'running', worker, sinceMs: clock.monotonicMs() };
  }

  #onExit(index: number): void {
    const slot = this.#slots[index];
    if (this.#stopping || slot?.kind !== 'running') return;
    const { clock, log } = this.#context;
    const livedMs = clock.monotonicMs() - slot.sinceMs;
    const crashes = livedMs >= soundLifeMs ? 0 : (this.#crashes[index] ?? 0);
    this.#crashes[index] = crashes + 1;
    const delayMs = crashes === 0 ? 0 : Math.min(slowestBackOffMs, firstBackOffMs * 2 ** (crashes - 1));
    log.error({ worker: index, pid: slot.worker.pid, delayMs }, 'a worker died; it is replaced');
    this.#slots[index] = { kind: 'waiting', cancel: clock.after(delayMs, () => this.#spawn(index)) };
  }

  #allReady(): boolean {
    return this.#slots.every((slot) => slot.kind === 'running' && slot.worker.ready);
  }

  #tellReady(): void {
    for (const waiter of this.#readyWaiters) waiter();
    this.#readyWaiters = [];
  }
}

function giveDoor(worker: WorkerProcess, index: number, id: number, door: OpenDoor): void {
  const handle = door.handles[index];
  if (handle !== undefined) worker.listen(id, door.door, handle);
}
