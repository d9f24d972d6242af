import { systemClock } from '@portolan/client/system-clock.ts';
import { templateProgram } from '@portolan/template/program.ts';
import type { Io } from '../io.ts';

/** consul-template's command line, which is not commander's: single dashes, `-flag=value`. Resolves with the exit code. */
export function runTemplateCommand(args: readonly string[], io: Io, version: string): Promise<number> {
  return templateProgram(args, {
    stdout: (text) => io.out(text),
    stderr: (text) => io.err(text),
    environment: io.env,
    clock: systemClock,
    random: Math.random,
    version,
    onSignal(signal, handler) {
      process.on(signal, handler);
      return () => process.off(signal, handler);
    },
  });
}
