import { type Flag, type FlagValues, serverFlags } from '@portolan/server/config/flags.ts';
import { type Command, Option } from 'commander';
import type { Io } from '../io.ts';
import { collect, examples, withOutput } from './client-command.ts';

/** The server itself, and its settings. */
export function declareServerCommands(program: Command, io: Io): void {
  withServerFlags(program.command('server'))
    .description('run the registry, DNS and the gateway')
    .addHelpText(
      'before',
      examples(
        'portolan server',
        'portolan server --config portolan.yaml',
        'portolan server --data-dir /var/lib/portolan --listen http=127.0.0.1:8501 --listen dns=off',
        'portolan server --store memory --log-level debug',
      ),
    )
    .action(async (flags: Record<string, unknown>) => {
      const { runServerCommand } = await import('../actions/server.ts');
      await runServerCommand(flagValues(flags), io);
    });

  const config = program
    .command('config')
    .description("check and show the server's settings")
    .addHelpText(
      'before',
      examples('portolan config validate --config portolan.yaml', 'portolan config show'),
    );

  withServerFlags(config.command('validate'))
    .description('check the settings without starting anything')
    .addHelpText('before', examples('portolan config validate --config portolan.yaml'))
    .action(async (flags: Record<string, unknown>) => {
      const { validateConfig } = await import('../actions/config.ts');
      validateConfig(flagValues(flags), io);
    });

  withOutput(withServerFlags(config.command('show')))
    .description('every setting, its value, and where it comes from')
    .addHelpText(
      'before',
      examples('portolan config show', 'portolan config show --config portolan.yaml -o json'),
    )
    .action(async ({ output, headers, color, ...flags }: Record<string, unknown>) => {
      const { showConfig } = await import('../actions/config.ts');
      showConfig(flagValues(flags), io, { output, headers, color } as Parameters<typeof showConfig>[2]);
    });
}

/** The flags are the server's own data; their values are not judged here, so that it can say where each came from. */
function withServerFlags(command: Command): Command {
  for (const flag of serverFlags) command.addOption(optionOf(flag));
  return command;
}

function optionOf(flag: Flag): Option {
  const text = `${flag.description} (default ${flag.defaultText === '' ? 'none' : flag.defaultText})`;
  const argument = flag.argument === undefined ? '' : ` <${flag.argument}>`;
  const option = new Option(`--${flag.name}${argument}`, text);
  return flag.repeatable
    ? option.argParser((value, before?: readonly string[]) => collect(value, before ?? []))
    : option;
}

/** Commander's camel case back to the flags' own names. */
function flagValues(values: Readonly<Record<string, unknown>>): FlagValues {
  return Object.fromEntries(
    serverFlags.map(({ name }) => [name, values[camelCase(name)] as FlagValues[string]] as const),
  );
}

function camelCase(name: string): string {
  return name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
