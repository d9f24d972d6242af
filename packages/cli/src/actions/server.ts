import type { FlagValues } from '@portolan/server/config/flags.ts';
import { runServer } from '@portolan/server/main.ts';
import type { Io } from '../io.ts';

/** `portolan server`: until it is told to stop. */
export async function runServerCommand(flags: FlagValues, io: Io): Promise<void> {
  io.exitCode = await runServer(flags, io.env);
}
