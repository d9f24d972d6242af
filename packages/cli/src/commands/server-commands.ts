import { serverFlags } from '@portolan/server/config/flags.ts';
import type { Command } from 'commander';
import type { Io } from '../io.ts';
import { examples, withOutput } from './client-command.ts';
import { flagValues, withFlags } from './server-flags.ts';

/** The server itself, and its settings. */
export function declareServerCommands(program: Command, io: Io): void {
  withFlags(program.command('server'), serverFlags)
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
      await runServerCommand(flagValues(serverFlags, flags), io);
    });

  const config = program
    .command('config')
    .description("check and show the server's settings")
    .addHelpText(
      'before',
      examples('portolan config validate --config portolan.yaml', 'portolan config show'),
    );

  withFlags(config.command('validate'), serverFlags)
    .description('check the settings without starting anything')
    .addHelpText('before', examples('portolan config validate --config portolan.yaml'))
    .action(async (flags: Record<string, unknown>) => {
      const { validateConfig } = await import('../actions/config.ts');
      validateConfig(flagValues(serverFlags, flags), io);
    });

  withOutput(withFlags(config.command('show'), serverFlags))
    .description('every setting, its value, and where it comes from')
    .addHelpText(
      'before',
      examples('portolan config show', 'portolan config show --config portolan.yaml -o json'),
    )
    .action(async ({ output, headers, color, ...flags }: Record<string, unknown>) => {
      const { showConfig } = await import('../actions/config.ts');
      showConfig(flagValues(serverFlags, flags), io, { output, headers, color } as Parameters<
        typeof showConfig
      >[2]);
    });
}
