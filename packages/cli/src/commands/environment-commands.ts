import type { Command } from 'commander';
import type { Io } from '../io.ts';
import { ask, clientCommand, collect, examples } from './client-command.ts';

/** Discovery by environment variables. */
export function declareEnvironmentCommands(program: Command, io: Io): void {
  clientCommand(program.command('env'))
    .description("print services as Kubernetes' and Docker's environment variables")
    .option('--service <name>', 'only this service; may be repeated', collect, [])
    .option(
      '-n, --namespace <name>',
      'Service manifests of it, at their virtual addresses, before what is registered',
    )
    .addHelpText(
      'before',
      examples(
        'portolan env',
        'eval "$(portolan env --service mysql)"',
        'portolan env -n shop',
        'portolan env -o json',
      ),
    )
    .action((flags: { service: readonly string[]; namespace?: string }) =>
      ask(io, flags, async (session) => {
        const { showEnvironment } = await import('../actions/environment.ts');
        await showEnvironment(session, flags.service, flags.namespace);
      }),
    );

  clientCommand(program.command('exec'))
    .argument('<command...>', 'the program and its arguments, after --')
    .description('run a program with the environment variables of services')
    .option('--service <name>', 'a service it needs; may be repeated; default: all', collect, [])
    .option(
      '-n, --namespace <name>',
      'Service manifests of it, at their virtual addresses, before what is registered',
    )
    .option(
      '--on-change <what>',
      'when an address changes: ignore, restart, or a signal such as HUP',
      'ignore',
    )
    .option('--kill-timeout <duration>', 'how long it may take to end before a restart', '10s')
    .addHelpText(
      'before',
      examples(
        'portolan exec --service mysql --service reviews -- ./app --port 8000',
        'portolan exec --service mysql --on-change restart -- ./app',
        'portolan exec --service mysql --on-change HUP -- ./app',
      ),
    )
    .action(
      (
        command: readonly string[],
        flags: { service: readonly string[]; namespace?: string; onChange: string; killTimeout: string },
      ) =>
        ask(io, flags, async (session) => {
          const [{ execute }, { durationMs }] = await Promise.all([
            import('../actions/exec.ts'),
            import('../duration.ts'),
          ]);
          const killTimeoutMs = durationMs(flags.killTimeout, '--kill-timeout');
          io.exitCode = await execute(session, command, {
            service: flags.service,
            ...(flags.namespace === undefined ? {} : { namespace: flags.namespace }),
            onChange: flags.onChange,
            killTimeoutMs,
          });
        }),
    );
}
