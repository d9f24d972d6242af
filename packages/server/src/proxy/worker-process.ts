import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Door } from './door-key.ts';
import type { ListeningHandle } from './listening-handle.ts';
import type { WorkerReport } from './stats.ts';
import type { WorkerCommand, WorkerEvent, WorkerSettings } from './worker-protocol.ts';

export interface WorkerListener {
  /** It has a model: it may be given sockets. */
  onModel(): void;
  /** It listens on every socket that `onModel` gave it. */
  onReady(): void;
  onTrouble(message: string): void;
  /** Some of the requests that have ended, as JSON. */
  onRequests(lines: readonly string[]): void;
  /** A socket could not be listened on: libuv's error number. */
  onListenError(id: number, error: number): void;
  onExit(): void;
}

const workerFile = fileURLToPath(new URL('./worker.ts', import.meta.url));
const reportTimeoutMs = 2_000;

/** One worker process, seen from the supervisor. */
export class WorkerProcess {
  readonly #process: ChildProcess;
  readonly #reports = new Map<number, (report: WorkerReport | undefined) => void>();
  readonly #exited: Promise<void>;
  #nextReport = 0;
  readonly #listening = new Set<number>();
  #hasModel = false;
  /** Has a model and listens. */
  ready = false;

  constructor(settings: WorkerSettings, listener: WorkerListener) {
    this.#process = fork(workerFile, [], {
      // Young objects are few and short-lived: half of Node's default costs no time and spares 12 MB under load.
      execArgv: ['--max-semi-space-size=8'],
      env: { ...process.env, NODE_COMPILE_CACHE: settings.compileCache },
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#process.on('message', (event: WorkerEvent) => this.#hear(event, listener));
    this.#process.on('error', (error) => listener.onTrouble(error.message));
    this.#exited = new Promise((resolve) => this.#process.once('exit', () => resolve()));
    this.#process.once('exit', () => {
      this.ready = false;
      for (const answer of this.#reports.values()) answer(undefined);
      listener.onExit();
    });
    this.#send({ type: 'configure', settings });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Whether it may be given sockets. */
  get hasModel(): boolean {
    return this.#hasModel;
  }

  /** Gives it a share of a listening socket; ours stays open. Without one it binds its own, for datagrams. */
  listen(id: number, door: Door, handle: ListeningHandle | undefined): void {
    this.#listening.add(id);
    this.#send({ type: 'listen', id, door }, handle);
  }

  unlisten(id: number): void {
    this.#send({ type: 'unlisten', id });
  }

  useTicketSecret(secret: string): void {
    this.#send({ type: 'ticket-secret', secret });
  }

  watch(on: boolean): void {
    this.#send({ type: 'watch', on });
  }

  useServers(servers: readonly string[]): void {
    this.#send({ type: 'servers', servers });
  }

  unlistenAll(ids: readonly number[]): void {
    for (const id of ids) this.unlisten(id);
  }

  /** Its figures; undefined when it does not answer. */
  report(): Promise<WorkerReport | undefined> {
    if (!this.#process.connected) return Promise.resolve(undefined);
    const id = this.#nextReport++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#reports.get(id)?.(undefined), reportTimeoutMs);
      this.#reports.set(id, (report) => {
        clearTimeout(timer);
        this.#reports.delete(id);
        resolve(report);
      });
      this.#send({ type: 'report', id });
    });
  }

  /** Lets it finish; kills it when it takes longer. Resolves when it is gone. */
  async drain(deadlineMs: number): Promise<void> {
    this.#send({ type: 'drain', deadlineMs });
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), deadlineMs + 1_000);
    await this.#exited;
    clearTimeout(timer);
  }

  #hear(event: WorkerEvent, listener: WorkerListener): void {
    switch (event.type) {
      case 'ready':
        this.#hasModel = true;
        listener.onModel();
        this.#becomeReady(listener);
        return;
      case 'listening':
        this.#listening.delete(event.id);
        this.#becomeReady(listener);
        if (event.error !== 0) listener.onListenError(event.id, event.error);
        return;
      case 'report':
        this.#reports.get(event.id)?.(event.report);
        return;
      case 'requests':
        listener.onRequests(event.lines);
        return;
      case 'trouble':
        listener.onTrouble(event.message);
    }
  }

  #becomeReady(listener: WorkerListener): void {
    if (this.ready || !this.#hasModel || this.#listening.size > 0) return;
    this.ready = true;
    listener.onReady();
  }

  #send(command: WorkerCommand, handle?: ListeningHandle): void {
    if (!this.#process.connected) return;
    // Node passes a bare TCP handle as it passes a net.Server; its types only know the latter.
    this.#process.send(command, handle as never, {}, () => undefined);
  }
}
