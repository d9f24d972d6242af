import { type Command, Option } from 'commander';
import type { Io } from '../io.ts';
import { formats } from '../output/format.ts';
import type { ClientFlags, Session } from '../session.ts';

/** `--output` and what goes with it. */
export function withOutput(command: Command): Command {
  return command
    .addOption(new Option('-o, --output <format>', 'how to print').choices(formats).default('table'))
    .option('--no-headers', 'tables without their first line')
    .option('--no-color', 'no colours (also NO_COLOR=1); there are none off a terminal');
}

/** What every command that asks a server has. */
export function clientCommand(command: Command): Command {
  return withOutput(command)
    .option('--server <url>', 'the server (variable PORTOLAN_SERVER; default http://127.0.0.1:8500)')
    .option('--timeout <duration>', 'for the whole command', '10s')
    .option('--token-file <file>', 'file with the token (variables PORTOLAN_TOKEN, CONSUL_HTTP_TOKEN)');
}

/** An action that asks a server: opens the session, runs, closes. */
export async function ask(io: Io, flags: unknown, work: (session: Session) => Promise<void>): Promise<void> {
  const { withSession } = await import('../session.ts');
  await withSession(io, flags as ClientFlags, work);
}

/** Lines for `--help`, before everything else: what to type comes first. */
export function examples(...lines: readonly string[]): string {
  return `Examples:\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

/** For options that may be given several times. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
