import { Fault } from '@portolan/core/base/fault.ts';
import { type Command, CommanderError } from 'commander';
import { exitCodes } from './exit-codes.ts';
import { reportFailure } from './failure.ts';
import type { Io } from './io.ts';
import { formatOfArgv } from './output/format.ts';
import { buildProgram } from './program.ts';

/** Runs the command line and resolves with the exit code. Never rejects. */
export async function run(argv: readonly string[], io: Io, version: string): Promise<number> {
  if (argv[0] === 'template') {
    const { runTemplateCommand } = await import('./actions/template.ts');
    return runTemplateCommand(argv.slice(1), io, version);
  }
  const program = buildProgram(io, version);
  try {
    if (argv.length === 0) {
      program.outputHelp();
      return exitCodes.ok;
    }
    await program.parseAsync(argv, { from: 'user' });
    return io.exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      // Help and version are an answer, not an error.
      if (thrown.exitCode === 0) return exitCodes.ok;
      return reportFailure(usageFault(thrown, helpCommandOf(program, argv)), formatOfArgv(argv), io);
    }
    return reportFailure(thrown, formatOfArgv(argv), io);
  }
}

function usageFault(error: CommanderError, help: string): Fault {
  const said =
    error.code === 'commander.help' ? 'a command is missing' : error.message.replace(/^error: /, '').trim();
  return new Fault('invalid', `${said}\n${help} shows what there is.`, { cause: error });
}

/** `'portolan kv get --help'`: of the command that was named, as far as one was. */
function helpCommandOf(program: Command, argv: readonly string[]): string {
  const names = ['portolan'];
  let command: Command | undefined = program;
  for (const word of argv) {
    command = command?.commands.find((sub) => sub.name() === word);
    if (command === undefined) break;
    names.push(word);
  }
  return `'${names.join(' ')} --help'`;
}
