import type { Command } from 'commander';
import type { RegisterFlags } from '../actions/register.ts';
import type { Io } from '../io.ts';
import { ask, clientCommand, collect, examples } from './client-command.ts';

/** Services: who is there, where, and how to come and go. */
export function declareCatalogCommands(program: Command, io: Io): void {
  clientCommand(program.command('services'))
    .argument('[name]', 'show the instances of this service')
    .description('list the services, or the instances of one')
    .addHelpText(
      'before',
      examples('portolan services', 'portolan services reviews -o wide', 'portolan services -o json'),
    )
    .action((name: string | undefined, flags: unknown) =>
      ask(io, flags, async (session) => {
        const { listInstances, listServices } = await import('../actions/services.ts');
        await (name === undefined ? listServices(session) : listInstances(session, name));
      }),
    );

  clientCommand(program.command('resolve'))
    .argument('<name>', 'a service')
    .description('the passing instances of a service: where a call may go now')
    .option('--tag <tag>', 'only instances with this tag')
    .option('--wait', 'wait until one is passing, as long as --timeout allows', false)
    .addHelpText(
      'before',
      examples(
        'portolan resolve reviews',
        'curl "http://$(portolan resolve reviews -o name | head -1)/reviews/0"',
        'portolan resolve reviews --wait --timeout 1m',
      ),
    )
    .action((name: string, flags: { tag?: string; wait: boolean }) =>
      ask(io, flags, async (session) => {
        const { resolveService } = await import('../actions/resolve.ts');
        await resolveService(session, name, flags);
      }),
    );

  clientCommand(program.command('register'))
    .argument('<name>', 'the service')
    .description('register an instance of a service and print its id')
    .option('--id <id>', 'default: name, address (if given) and port joined by "-"')
    .option('--port <port>', 'where it listens')
    .option('--address <host>', "default: the address of the server's node")
    .option('--tag <tag>', 'a tag; may be repeated', collect, [])
    .option('--meta <key=value>', 'metadata; may be repeated', collect, [])
    .option('--check-http <url>', '2xx is passing, 429 warning, all else critical')
    .option('--check-tcp <host:port>', 'passing when it accepts a connection')
    .option('--check-ttl <duration>', 'passing while it is renewed (--keep does that)')
    .option('--interval <duration>', 'between two HTTP or TCP checks (default 10s)')
    .option('--deregister-after <duration>', 'drop the instance when it was critical this long')
    .option('--keep', 'stay, renew, and deregister on Ctrl-C', false)
    .addHelpText(
      'before',
      examples(
        'portolan register web --port 8000 --tag http --check-http http://127.0.0.1:8000/ --interval 5s',
        'portolan register mysql --port 3306 --address 10.0.0.5 --check-tcp 10.0.0.5:3306 --meta role=primary',
        'portolan register job --check-ttl 30s --keep',
      ),
    )
    .action((name: string, flags: RegisterFlags) =>
      ask(io, flags, async (session) => {
        const { register } = await import('../actions/register.ts');
        await register(session, name, flags);
      }),
    );

  clientCommand(program.command('deregister'))
    .argument('[id...]', 'ids of instances, as register printed them')
    .description('take instances out of the registry')
    .option('--name <service>', 'every instance of this service that was registered at this server')
    .addHelpText('before', examples('portolan deregister web-8000', 'portolan deregister --name web'))
    .action((ids: readonly string[], flags: { name?: string }) =>
      ask(io, flags, async (session) => {
        const { deregister } = await import('../actions/deregister.ts');
        await deregister(session, ids, flags);
      }),
    );

  clientCommand(program.command('status'))
    .description('the server: node, version, listeners')
    .addHelpText(
      'before',
      examples('portolan status', 'portolan status -o json --server http://10.0.0.5:8500'),
    )
    .action((flags: unknown) =>
      ask(io, flags, async (session) => {
        const { showStatus } = await import('../actions/status.ts');
        await showStatus(session);
      }),
    );
}
