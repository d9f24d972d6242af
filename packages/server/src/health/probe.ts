import type { Health } from '@portolan/core/catalog/records.ts';

/** How one probe came out. */
export interface ProbeResult {
  readonly status: Health;
  readonly output: string;
}

/** A probe's definition, made ready: everything that can be worked out once was. */
export interface Prober {
  /** Starts one run. `done` is called exactly once, never before `start` returned, unless the run is cancelled. */
  start(done: (result: ProbeResult) => void): ProbeRun;
}

/** One probe under way. Both do nothing once it is done. */
export interface ProbeRun {
  /** Time is up: ends the run, and `done` is called with what is known. */
  timeOut(): void;
  /** Ends the run without calling `done`. */
  cancel(): void;
}

/** A definition that cannot be probed at all (a URL that is none): critical each time, and says why. */
export function impossible(output: string): Prober {
  return {
    start(done) {
      const immediate = setImmediate(done, { status: 'critical', output });
      const cancel = (): void => clearImmediate(immediate);
      return { timeOut: () => undefined, cancel };
    },
  };
}
