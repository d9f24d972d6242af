import { Agent, request } from 'node:http';

export interface SteadyLoadOptions {
  readonly port: number;
  readonly host: string;
  readonly perSecond: number;
  /** A request without an answer by then has failed. */
  readonly patienceMs: number;
  readonly path?: string;
}

/** One request: when it was due, how long its answer took, and how it ended. */
export interface Sample {
  readonly dueMs: number;
  readonly tookMs: number;
  /** A status, or why there was none. */
  readonly end: number | string;
}

const connections = 24;

/** Requests that begin at a steady rate whether or not the earlier ones were answered, as those of many people do. */
export class SteadyLoad {
  readonly samples: Sample[] = [];
  readonly #options: SteadyLoadOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 512, scheduling: 'fifo' });
  readonly #startMs = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #underWay = new Set<Promise<void>>();
  #begun = 0;

  constructor(options: SteadyLoadOptions) {
    this.#options = options;
    // So many at once open as many connections, which then take turns: every worker of a gateway gets its part.
    for (let connection = 0; connection < connections; connection++) this.#begin(this.#startMs);
    this.#timer = setInterval(() => this.#tick(), 2);
  }

  /** Those that were due in this part of time (`performance.now()`). */
  between(fromMs: number, toMs: number): readonly Sample[] {
    return this.samples.filter(({ dueMs }) => dueMs >= fromMs && dueMs < toMs);
  }

  /** Resolves when every request has ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
    this.#agent.destroy();
  }

  #tick(): void {
    const { perSecond } = this.#options;
    const due = ((performance.now() - this.#startMs) * perSecond) / 1_000;
    for (; this.#begun < due; this.#begun++) {
      this.#begin(this.#startMs + (this.#begun * 1_000) / perSecond);
    }
  }

  #begin(dueMs: number): void {
    const call = this.#call(dueMs).finally(() => this.#underWay.delete(call));
    this.#underWay.add(call);
  }

  #call(dueMs: number): Promise<void> {
    const { port, host, path = '/', patienceMs } = this.#options;
    return new Promise((resolve) => {
      const end = (how: number | string): void => {
        this.samples.push({ dueMs, tookMs: performance.now() - dueMs, end: how });
        resolve();
      };
      const headers = { Host: host };
      const asked = request({ agent: this.#agent, host: '127.0.0.1', port, path, headers }, (answer) => {
        answer.on('data', () => undefined);
        answer.on('end', () => end(answer.statusCode ?? 0));
        answer.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
      });
      asked.setTimeout(patienceMs, () => asked.destroy(Object.assign(new Error(), { code: 'no answer' })));
      asked.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
      asked.end();
    });
  }
}

export function failed({ end }: Sample): boolean {
  return typeof end === 'string' || end >= 500;
}

/** The time that `percent` of the samples do not exceed, milliseconds. */
export function percentile(samples: readonly Sample[], percent: number): number {
  const sorted = samples.map(({ tookMs }) => tookMs).sort((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? 0;
}
