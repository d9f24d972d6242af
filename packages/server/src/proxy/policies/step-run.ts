import type { PolicyRequest, Wait } from '../route-policy.ts';
import type { Denial, PolicyState, PolicyStep } from './step.ts';

/** What all steps together say. */
export type RunVerdict = Denial | 'pass';

/** Takes one request through the steps of a policy, in their order. */
export class StepRun implements Wait {
  readonly kind = 'wait';
  readonly #steps: readonly PolicyStep[];
  readonly #any: boolean;
  readonly #request: PolicyRequest;
  readonly #state: PolicyState;
  readonly #settle: (verdict: RunVerdict) => void;
  #next = 0;
  /** With `any`: one of the credentials was good, or why the last was not. */
  #shown = false;
  #refused: Denial | undefined;
  #cancel: (() => void) | undefined;

  /** @param any one good credential is enough @param settle called with the verdict if it comes later */
  constructor(
    steps: readonly PolicyStep[],
    any: boolean,
    request: PolicyRequest,
    state: PolicyState,
    settle: (verdict: RunVerdict) => void,
  ) {
    this.#steps = steps;
    this.#any = any;
    this.#request = request;
    this.#state = state;
    this.#settle = settle;
  }

  /** The verdict, or undefined: it comes later. */
  run(): RunVerdict | undefined {
    while (this.#next < this.#steps.length) {
      const step = this.#steps[this.#next++] as PolicyStep;
      const optional = this.#any && step.credential;
      if (optional && this.#shown) continue;
      const said = step.check(this.#request, this.#state);
      if (typeof said === 'function') {
        this.#cancel = said((denial) => this.#resume(denial, optional));
        return undefined;
      }
      if (!this.#note(said, optional)) return said;
    }
    return this.#shown || this.#refused === undefined ? 'pass' : this.#refused;
  }

  cancel(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #resume(denial: Denial | undefined, optional: boolean): void {
    this.#cancel = undefined;
    const verdict = this.#note(denial, optional) ? this.run() : denial;
    if (verdict !== undefined) this.#settle(verdict);
  }

  /** Whether the next step may be asked. */
  #note(denial: Denial | undefined, optional: boolean): boolean {
    if (!optional) return denial === undefined;
    if (denial === undefined) this.#shown = true;
    // nginx's: a 401 says what would help, a 403 does not.
    else if (this.#refused?.status !== 401) this.#refused = denial;
    return true;
  }
}
