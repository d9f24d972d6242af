import type { TestScope } from '@portolan/testkit/launch-program.ts';

/** What a test's context gives the launchers, for a program that is no test. */
export class Scope implements TestScope {
  readonly #callbacks: (() => Promise<void>)[] = [];

  after(callback: () => Promise<void>): void {
    this.#callbacks.push(callback);
  }

  async end(): Promise<void> {
    for (const callback of this.#callbacks.reverse()) await callback();
  }
}
