import type { Clock } from '@portolan/core/base/clock.ts';
import type { Diagnostic } from '@portolan/core/traffic/model.ts';
import type { Logger } from 'pino';
import type { Part, PartReadiness } from './contract.ts';

/** The parts of a server and how far each is. */
export interface Life {
  /** In order. When one cannot start, those before it are stopped again, and its error is thrown. */
  start(parts: readonly Part[]): Promise<void>;
  /** In reverse order. They share `deadlineMs`; a part that fails to stop is logged, and the others still are. Once. */
  stop(deadlineMs: number): Promise<void>;
  /** No part leaves a process behind, whatever is under way. Also while `stop` is under way; never rejects. */
  kill(): Promise<void>;
  /** Every part and what is wrong with it; nobody ready while the server starts or stops. */
  readiness(): readonly PartReadiness[];
  /** Of every part that runs. */
  diagnostics(): readonly Diagnostic[];
}

/** What had started needs no more than this to stop again when a later part could not. */
const failedStartDeadlineMs = 2_000;

export function createLife({ clock, log }: { clock: Clock; log: Logger }): Life {
  let all: readonly Part[] = [];
  const running: Part[] = [];
  let stopped: Promise<void> | undefined;

  async function stopRunning(deadlineMs: number): Promise<void> {
    const deadline = clock.monotonicMs() + deadlineMs;
    for (let part = running.pop(); part !== undefined; part = running.pop()) {
      const startedMs = clock.monotonicMs();
      try {
        await part.stop(Math.max(0, deadline - startedMs));
      } catch (error) {
        log.error({ err: error, stopping: part.name }, 'a part failed to stop');
      }
      log.debug({ stopping: part.name, tookMs: Math.round(clock.monotonicMs() - startedMs) }, 'stopped');
    }
  }

  return {
    async start(parts) {
      all = parts;
      for (const part of parts) {
        const startedMs = clock.monotonicMs();
        try {
          await part.start();
          log.debug({ started: part.name, tookMs: Math.round(clock.monotonicMs() - startedMs) }, 'started');
        } catch (error) {
          await stopRunning(failedStartDeadlineMs);
          throw error;
        }
        running.push(part);
      }
    },

    stop(deadlineMs) {
      stopped ??= stopRunning(deadlineMs);
      return stopped;
    },

    async kill() {
      await Promise.allSettled(all.map((part) => part.kill?.()));
    },

    diagnostics: () => running.flatMap((part) => part.diagnostics?.() ?? []),

    readiness: () =>
      all.map((part) => {
        if (stopped !== undefined) return { name: part.name, problems: ['stopping'] };
        if (!running.includes(part)) return { name: part.name, problems: ['not started yet'] };
        return { name: part.name, problems: part.readiness?.() ?? [] };
      }),
  };
}
