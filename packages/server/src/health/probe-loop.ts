import type { Random } from '@portolan/core/base/clock.ts';
import { TimerWheel, WheelTimer } from '@portolan/core/base/timer-wheel.ts';
import { type ActiveTime, tickMs } from './active-time.ts';
import type { ProbeResult, ProbeRun, Prober } from './probe.ts';

/** Span of 51 s: most intervals are shorter. */
const slots = 1024;
/** A new check's first probe comes within this: its instance is out of rotation until then. */
const soonMs = 100;

/** A run older than this is one that we wait for: it gives its place back, and is counted apart. */
const patienceMs = 1_000;
/** How many such runs there may be, for each of `maxRunning`. A socket that waits costs memory, no CPU. */
const patientFactor = 3;
/** When there are more, those that had this long are ended, whatever their timeout. Consul's default timeout. */
const crowdedTimeoutMs = 10_000;
/** How soon a run asks again for a place among those that are waited for. */
const askAgainMs = 250;

/**
 * What is known of a check's target, and which share of the places its lane may take: answered within `patienceMs` the last
 * time; never ran to its end; took longer. So hanging targets, however many come, leave room for the others.
 */
type Lane = 'prompt' | 'new' | 'slow';

const share: Readonly<Record<Lane, number>> = { prompt: 1, new: 0.75, slow: 0.5 };
const lanes: readonly Lane[] = ['prompt', 'new', 'slow'];

/** A check as the loop runs it. */
export class ProbeTask extends WheelTimer {
  readonly prober: Prober;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly onResult: (result: ProbeResult) => void;
  /** The loop's own from here on. */
  state: 'idle' | 'waiting' | 'queued' | 'running' | 'patient' | 'removed' = 'idle';
  lane: Lane = 'new';
  dueMs = 0;
  startedMs = 0;
  run: ProbeRun | undefined;
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

/** Runs every task once an interval, at most `maxRunning` at the same time, in each lane first come first served. */
export class ProbeLoop {
  readonly #time: ActiveTime;
  readonly #random: Random;
  readonly #maxRunning: number;
  readonly #wheel = new TimerWheel<ProbeTask>({ tickMs, slots }, (task) => this.#due(task));
  readonly #queues: Readonly<Record<Lane, Queue>> = {
    prompt: new Queue(),
    new: new Queue(),
    slow: new Queue(),
  };
  readonly #running: Record<Lane, number> = { prompt: 0, new: 0, slow: 0 };
  /** Oldest first. */
  readonly #patient = new Set<ProbeTask>();

  constructor(options: { time: ActiveTime; random: Random; maxRunning: number }) {
    this.#time = options.time;
    this.#random = options.random;
    this.#maxRunning = options.maxRunning;
  }

  /** Probes under way, without those that are waited for. */
  get running(): number {
    return this.#running.prompt + this.#running.new + this.#running.slow;
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
    this.#givePlaceBack(task);
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

  /** The wheel holds a task's next turn while it waits; while it runs, the end of our patience and then its time limit. */
  #due(task: ProbeTask): void {
    if (task.state === 'waiting') {
      task.state = 'queued';
      this.#queues[task.lane].push(task);
      return;
    }
    const nowMs = this.#time.nowMs();
    const deadlineMs = task.startedMs + task.timeoutMs;
    if (nowMs >= deadlineMs) {
      this.#timeOut(task);
    } else if (task.state === 'running' && !this.#waitFor(task, nowMs)) {
      this.#wheel.set(task, Math.min(deadlineMs, nowMs + askAgainMs));
    } else {
      this.#wheel.set(task, deadlineMs);
    }
  }

  /** Counts the run among those that are waited for. False: there are too many. */
  #waitFor(task: ProbeTask, nowMs: number): boolean {
    if (this.#patient.size >= this.#maxRunning * patientFactor) {
      const [oldest] = this.#patient;
      if (oldest === undefined || nowMs - oldest.startedMs < crowdedTimeoutMs) return false;
      this.#wheel.cancel(oldest);
      this.#timeOut(oldest);
    }
    this.#givePlaceBack(task);
    task.state = 'patient';
    task.lane = 'slow';
    this.#patient.add(task);
    return true;
  }

  #timeOut(task: ProbeTask): void {
    this.#givePlaceBack(task);
    task.state = 'patient';
    task.lane = 'slow';
    task.run?.timeOut();
  }

  #givePlaceBack(task: ProbeTask): void {
    if (task.state === 'running') this.#running[task.lane] -= 1;
    else if (task.state === 'patient') this.#patient.delete(task);
  }

  #fill(): void {
    for (const lane of lanes) {
      while (this.running < this.#maxRunning && this.#running[lane] < this.#maxRunning * share[lane]) {
        const task = this.#queues[lane].take();
        if (task === undefined) break;
        this.#start(task);
      }
    }
  }

  #start(task: ProbeTask): void {
    task.state = 'running';
    task.startedMs = this.#time.nowMs();
    task.pausesAtStart = this.#time.pauses();
    this.#running[task.lane] += 1;
    this.#wheel.set(task, task.startedMs + Math.min(task.timeoutMs, patienceMs));
    try {
      task.run = task.prober.start((result) => this.#done(task, result));
    } catch (error) {
      this.#done(task, {
        status: 'critical',
        output: error instanceof Error ? error.message : String(error),
      });
    }
  }

  #done(task: ProbeTask, result: ProbeResult): void {
    this.#givePlaceBack(task);
    if (task.state === 'running') task.lane = 'prompt';
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
