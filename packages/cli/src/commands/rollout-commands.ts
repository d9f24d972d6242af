import type { Command } from 'commander';
import type { RolloutFlags } from '../actions/rollout.ts';
import type { Io } from '../io.ts';
import { ask, clientCommand, examples } from './client-command.ts';

/** From one version to the next, step by step. */
export function declareRolloutCommands(program: Command, io: Io): void {
  const rollout = program.command('rollout').description('move requests from one version to another');
  const start = clientCommand(rollout.command('start'));
  for (const option of start.options) {
    if (option.long === '--timeout') option.description = 'for each request';
  }
  start
    .argument('<service>')
    .description('raise the share of a version step by step; goes back by itself when its figures are bad')
    .requiredOption('--to <version>', 'subset (VirtualService), version (metadata) or service (HTTPRoute)')
    .option('--from <version>', 'where requests go now; default: the only other one')
    .option('-n, --namespace <name>', 'of the service (default "default")')
    .option('--steps <percent,…>', 'its share of the requests', '1,10,50,100')
    .option('--pause <duration>', 'how long each step is watched', '60s')
    .option('--abort-on <rule,…>', 'error_rate>1%, p99>500ms; empty: never', 'error_rate>1%')
    .option('--min-requests <n>', 'fewer in a step say nothing', '20')
    .option('--admin <url>', "the gateway's admin listener; default: that of the server's own gateway")
    .addHelpText(
      'before',
      examples(
        'portolan rollout start reviews --to v2',
        "portolan rollout start reviews --to v2 --steps 1,10,50,100 --pause 60s --abort-on 'error_rate>1%,p99>500ms'",
      ),
    )
    .action((service: string, flags: RolloutFlags) =>
      ask(io, flags, async (session) =>
        (await import('../actions/rollout.ts')).startRollout(session, service, flags),
      ),
    );
}
