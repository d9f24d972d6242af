/** Whether the user wants it to end. */
export interface Interruption {
  readonly aborted: boolean;
  onAbort(then: () => void): () => void;
  release(): void;
}

/** Ctrl-C goes back before it ends. */
export function interruption(): Interruption {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  process.once('SIGINT', abort);
  process.once('SIGTERM', abort);
  return {
    get aborted() {
      return controller.signal.aborted;
    },
    onAbort(then) {
      controller.signal.addEventListener('abort', then, { once: true });
      return () => controller.signal.removeEventListener('abort', then);
    },
    release() {
      process.off('SIGINT', abort);
      process.off('SIGTERM', abort);
    },
  };
}

/** Shorter when it is interrupted. */
export function sleep(ms: number, interrupted: Interruption): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms);
    const forget = interrupted.onAbort(end);
    function end(): void {
      clearTimeout(timer);
      forget();
      resolve();
    }
  });
}
