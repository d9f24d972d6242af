import type { Random } from '@portolan/core/base/clock.ts';
import { TimerWheel, WheelTimer } from '@portolan/core/base/timer-wheel.ts';
import { type ActiveTime, tickMs } from './active-time.ts';
import type { ProbeResult, ProbeRun, Prober } from './probe.ts';

/** Span of 51 s: most intervals are shorter. */
const slots = 1024;
/** A new check's first probe comes within this: its instance is out of rotation until then. */
const soonMs = 100;

/** A check as the loop runs it. */
export class ProbeTask extends WheelTimer {
  readonly prober: Prober;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly onResult: (result: ProbeResult) => void;
  /** The loop's own from here on. */
  state: 'idle' | 'waiting' | 'queued' | 'running' | 'removed' = 'idle';
  dueMs = 0;
  run: ProbeRun | undefined;
  /** Timed out the last time: waits in the slow lane. */
  slow = false;
  /** Whether the run under way was started as one of the slow. */
  ranSlow = false;
  pausesAtStart = 0;
  /** A failure during a pause of ours was put aside; the next one counts. */
  excused = false;
  /** Has its place in the interval. */
  placed = false;

  constructor(
    prober: Prober,
    times: { intervalMs: number; timeoutMs: number },
    onResult: (result: ProbeResult) => void,
  ) {
    super();
    this.prober = prober;
    this.intervalMs = times.intervalMs;
    this.timeoutMs = times.timeoutMs;
    this.onResult = onResult;
  }
}

/**
 * Runs every task once an interval, at most `maxRunning` at the same time, first come first served. What timed out the last
 * time may take only half of the places, so that targets that hang never keep the others waiting.
 */
export class ProbeLoop {
  readonly #time: ActiveTime;
  readonly #random: Random;
  readonly #maxRunning: number;
  readonly #wheel = new TimerWheel<ProbeTask>({ tickMs, slots }, (task) => this.#due(task));
  readonly #ready = new Queue();
  readonly #slowReady = new Queue();
  readonly #running = new Set<ProbeTask>();
  #slowRunning = 0;

  constructor(options: { time: ActiveTime; random: Random; maxRunning: number }) {
    this.#time = options.time;
    this.#random = options.random;
    this.#maxRunning = options.maxRunning;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Runs the task from now on; the first time at any moment of one interval, so that a restart spreads the checks. */
  add(task: ProbeTask): void {
    task.placed = true;
    this.#wait(task, this.#time.nowMs() + this.#random() * task.intervalMs);
  }

  /** Runs the task within `soonMs`, or its interval, from now. */
  soon(task: ProbeTask): void {
    if (task.state !== 'idle' && task.state !== 'waiting') return;
    task.placed = false;
    this.#wait(task, this.#time.nowMs() + this.#random() * Math.min(task.intervalMs, soonMs));
  }

  /** Ends the task for good; a run under way is broken off. */
  remove(task: ProbeTask): void {
    this.#wheel.cancel(task);
    if (task.state === 'running') this.#ended(task);
    task.state = 'removed';
    task.run?.cancel();
    task.run = undefined;
  }

  /** To be called about every `tickMs`. */
  advanceTo(nowMs: number): void {
    this.#wheel.advanceTo(nowMs);
    this.#fill();
  }

  #wait(task: ProbeTask, dueMs: number): void {
    task.state = 'waiting';
    task.dueMs = dueMs;
    this.#wheel.set(task, dueMs);
  }

  /** The wheel holds a task's next turn while it waits, and its time limit while it runs. */
  #due(task: ProbeTask): void {
    if (task.state === 'running') {
      task.slow = true;
      task.run?.timeOut();
      return;
    }
    task.state = 'queued';
    (task.slow ? this.#slowReady : this.#ready).push(task);
  }

  #fill(): void {
    while (this.#running.size < this.#maxRunning) {
      const slowToo = this.#slowRunning < this.#maxRunning / 2;
      const task = this.#ready.take() ?? (slowToo ? this.#slowReady.take() : undefined);
      if (task === undefined) return;
      this.#start(task);
    }
  }

  #start(task: ProbeTask): void {
    task.state = 'running';
    task.ranSlow = task.slow;
    task.slow = false;
    if (task.ranSlow) this.#slowRunning += 1;
    task.pausesAtStart = this.#time.pauses();
    this.#running.add(task);
    this.#wheel.set(task, this.#time.nowMs() + task.timeoutMs);
    try {
      task.run = task.prober.start((result) => this.#done(task, result));
    } catch (error) {
      this.#done(task, {
        status: 'critical',
        output: error instanceof Error ? error.message : String(error),
      });
    }
  }

  #ended(task: ProbeTask): void {
    this.#running.delete(task);
    if (task.ranSlow) this.#slowRunning -= 1;
  }

  #done(task: ProbeTask, result: ProbeResult): void {
    this.#ended(task);
    task.run = undefined;
    task.state = 'idle';
    this.#wheel.cancel(task);
    if (result.status === 'critical' && !task.excused && this.#time.pauses() !== task.pausesAtStart) {
      task.excused = true;
      this.soon(task);
      return;
    }
    task.excused = false;
    this.#wait(task, this.#nextDue(task));
    task.onResult(result);
    this.#fill();
  }

  /** Keeps the rhythm; finds a new one after the first probe, and when it was lost. */
  #nextDue(task: ProbeTask): number {
    const nowMs = this.#time.nowMs();
    const inRhythm = task.dueMs + task.intervalMs;
    const keeps = task.placed && inRhythm > nowMs;
    task.placed = true;
    return keeps ? inRhythm : nowMs + this.#random() * task.intervalMs;
  }
}

/** First in, first out, in amortised constant time. Passes over tasks that were removed meanwhile. */
class Queue {
  #tasks: ProbeTask[] = [];
  #head = 0;

  push(task: ProbeTask): void {
    this.#tasks.push(task);
  }

  take(): ProbeTask | undefined {
    while (this.#head < this.#tasks.length) {
      const task = this.#tasks[this.#head++];
      if (task?.state === 'queued') return task;
    }
    this.#tasks = [];
    this.#head = 0;
    return undefined;
  }
}
