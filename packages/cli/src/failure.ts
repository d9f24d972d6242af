import { Fault } from '@portolan/core/base/fault.ts';
import { exitCodeOf } from './exit-codes.ts';
import type { Io } from './io.ts';
import type { Format } from './output/format.ts';
import { printable } from './output/printable.ts';

/** Says on stderr what went wrong, in the form that was asked for, and returns the exit code. */
export function reportFailure(thrown: unknown, format: Format, io: Io): number {
  const fault = Fault.from(thrown);
  const exitCode = exitCodeOf(fault.code);
  if (format === 'json') {
    const error = { code: fault.code, message: fault.message, path: fault.path, exitCode };
    io.err(`${JSON.stringify({ error })}\n`);
  } else {
    // Texts of the registry may have several lines; each is shown, none can steer the terminal.
    for (const [at, line] of fault.message.split('\n').entries()) {
      io.err(`${at === 0 ? 'portolan: ' : '  '}${printable(line)}\n`);
    }
    // A defect of ours is worth its stack; everything else is worth its message.
    if (fault.code === 'internal' && fault.cause instanceof Error && io.env.PORTOLAN_DEBUG !== undefined) {
      io.err(`${fault.cause.stack}\n`);
    }
  }
  return exitCode;
}
