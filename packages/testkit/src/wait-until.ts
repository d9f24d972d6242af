export interface WaitOptions {
  /** Gives up after this long; default 10,000. */
  readonly timeoutMs?: number;
  /** Pause between two looks; default 10. */
  readonly everyMs?: number;
  /** What is waited for, for the error's message. */
  readonly what?: string;
}

/**
 * Waits for a condition, never for a time: resolves with the first truthy value of `condition`. A condition that throws counts
 * as not yet; what it threw last is the cause of the error when time is up.
 */
export async function waitUntil<T>(
  condition: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<NonNullable<T>> {
  const { timeoutMs = 10_000, everyMs = 10, what = 'the condition' } = options;
  const giveUpAt = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value as NonNullable<T>;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() >= giveUpAt) {
      throw new Error(`gave up after ${timeoutMs} ms waiting for ${what}`, { cause: lastError });
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
