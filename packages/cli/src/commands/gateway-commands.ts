import { gatewayFlags } from '@portolan/server/config/flags.ts';
import type { Command } from 'commander';
import type { Io } from '../io.ts';
import { collect, examples, withOutput } from './client-command.ts';
import { flagValues, withFlags } from './server-flags.ts';

/** The data plane alone, and what is said to one that runs: a server's own, too. */
export function declareGatewayCommands(program: Command, io: Io): void {
  const gateway = withFlags(program.command('gateway'), gatewayFlags)
    .description('run the gateway alone, on any machine; or tell one that runs what to do')
    .option(
      '--server <url>',
      'the control plane; several in turn, or by commas (variable PORTOLAN_SERVER)',
      collect,
      [],
    )
    .option('--state-dir <directory>', 'where it keeps the last model (default portolan-gateway)')
    .addHelpText(
      'before',
      examples(
        'portolan gateway --server http://10.0.0.1:8500,http://10.0.0.2:8500',
        'portolan gateway --server http://10.0.0.1:8500 --listen gateway=0.0.0.0:80 --allow-anonymous',
        'portolan gateway reload --state-dir portolan-data     # also the one of a server',
      ),
    )
    .action(async ({ server, stateDir, ...flags }: Record<string, unknown>) => {
      const { runGatewayCommand } = await import('../actions/gateway.ts');
      await runGatewayCommand(io, {
        servers: server as readonly string[],
        stateDir: stateDir as string | undefined,
        settings: flagValues(gatewayFlags, flags),
      });
    });

  const told = (name: string, description: string): Command =>
    gateway
      .command(name)
      .description(description)
      .option('--state-dir <directory>', 'of the gateway: its own, or the data directory of its server')
      .addHelpText('before', examples(`portolan gateway ${name.split(' ')[0]}`));
  const stateDirOf = (command: Command): string | undefined =>
    command.optsWithGlobals<{ stateDir?: string }>().stateDir;

  told(
    'reload',
    'replace its worker processes one by one; no request fails, WebSockets stay until they are drained',
  ).action(async (_, command: Command) => {
    const { tellGateway } = await import('../actions/gateway.ts');
    await tellGateway(io, stateDirOf(command), 'POST /reload');
  });
  told('upgrade', 'replace all its processes by this version of Portolan; no request fails').action(
    async (_, command: Command) => {
      const { upgradeGateway } = await import('../actions/gateway.ts');
      await upgradeGateway(io, stateDirOf(command));
    },
  );
  told('stop', 'let it finish what is under way, and end')
    .option('--grace <duration>', 'for so long before that, only say that it is not ready')
    .action(async ({ grace }: { grace?: string }, command: Command) => {
      const { stopGateway } = await import('../actions/gateway.ts');
      await stopGateway(io, stateDirOf(command), grace);
    });
  told('log-level <level>', 'fatal, error, warn, info, debug or trace, until it ends').action(
    async (level: string, _, command: Command) => {
      const { tellGateway } = await import('../actions/gateway.ts');
      await tellGateway(io, stateDirOf(command), 'PUT /log-level', { level });
    },
  );
  withOutput(told('status', 'its processes, listeners and problems')).action(
    async (flags: Record<string, unknown>, command: Command) => {
      const { showGateway } = await import('../actions/gateway.ts');
      await showGateway(io, stateDirOf(command), flags as unknown as Parameters<typeof showGateway>[2]);
    },
  );
}
