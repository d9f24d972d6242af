import type { Command } from 'commander';
import type { ApplyCommandFlags } from '../actions/apply.ts';
import type { DeleteFlags } from '../actions/delete.ts';
import type { ExplainFlags } from '../actions/explain.ts';
import type { GetFlags } from '../actions/get.ts';
import type { Io } from '../io.ts';
import { ask, clientCommand, collect, examples } from './client-command.ts';

/** Manifests: what they are, what they do, what they were. */
export function declareRuleCommands(program: Command, io: Io): void {
  withFiles(clientCommand(program.command('apply')), true)
    .description('write manifests: Service, Ingress, HTTPRoute, VirtualService …')
    .option('--dry-run', 'only say what would change', false)
    .option('--force', 'take over what a file or another source brought', false)
    .addHelpText(
      'before',
      examples(
        'portolan apply -f shop.yaml',
        'portolan apply -R -f manifests/ --dry-run',
        'cat shop.yaml | portolan apply -f -',
      ),
    )
    .action((flags: ApplyCommandFlags) =>
      ask(io, flags, async (session) => (await import('../actions/apply.ts')).apply(session, flags)),
    );

  withFiles(clientCommand(program.command('diff')), true)
    .description('what apply would change, in manifests and routes; exit code 1 if anything')
    .option('--force', 'as if with apply --force', false)
    .addHelpText('before', examples('portolan diff -f shop.yaml', 'portolan diff -R -f manifests/'))
    .action((flags: ApplyCommandFlags) =>
      ask(io, flags, async (session) => (await import('../actions/diff.ts')).diff(session, flags)),
    );

  declareGet(program, io);

  withFiles(clientCommand(program.command('delete')), false)
    .argument('[kind]', 'such as ingress')
    .argument('[names...]')
    .description('delete resources; rollback brings them back')
    .option('--force', 'also what a file or another source brought', false)
    .option('--ignore-not-found', 'it is fine if there is no such resource', false)
    .addHelpText('before', examples('portolan delete ingress web', 'portolan delete -f shop.yaml'))
    .action((kind: string | undefined, names: readonly string[], flags: DeleteFlags) =>
      ask(io, flags, async (session) =>
        (await import('../actions/delete.ts')).remove(session, kind, names, flags),
      ),
    );

  declareHistory(program, io);
  declareExplain(program, io);
}

function withFiles(command: Command, required: boolean): Command {
  const text = 'file, directory or - for stdin; may be repeated';
  const named = required
    ? command.requiredOption('-f, --filename <path>', text, collect)
    : command.option('-f, --filename <path>', text, collect, []);
  return named
    .option('-R, --recursive', 'directories with those below them', false)
    .option('-n, --namespace <name>', 'for manifests that name none (default "default")');
}

function declareGet(program: Command, io: Io): void {
  clientCommand(program.command('get'))
    .argument('<kind>', 'such as ingress; kinds lists them; routes are what all of them come to')
    .argument('[name]', 'of a resource; of a host, for routes')
    .description('list resources, or show one')
    .option('-n, --namespace <name>', 'default "default"')
    .option('-A, --all-namespaces', 'of all namespaces', false)
    .option('-l, --selector <labels>', 'only with these labels: app=web,tier!=db')
    .option('--field-selector <fields>', 'only with these values: spec.type=NodePort')
    .addHelpText(
      'before',
      examples(
        'portolan get kinds',
        'portolan get ingress -A -o wide',
        'portolan get httproute web -o yaml',
        'portolan get routes shop.example.com -o wide',
      ),
    )
    .action((kind: string, name: string | undefined, flags: GetFlags) =>
      ask(io, flags, async (session) => (await import('../actions/get.ts')).get(session, kind, name, flags)),
    );
}

function declareHistory(program: Command, io: Io): void {
  clientCommand(program.command('history'))
    .argument('<kind>')
    .argument('<name>')
    .description('who changed a resource, when, and to what')
    .option('-n, --namespace <name>', 'default "default"')
    .option('--revision <number>', 'print the manifest as it was then')
    .addHelpText(
      'before',
      examples('portolan history ingress web', 'portolan history ingress web --revision 42'),
    )
    .action((kind: string, name: string, flags: { namespace?: string; revision?: string }) =>
      ask(io, flags, async (session) =>
        (await import('../actions/history.ts')).history(session, kind, name, flags),
      ),
    );

  clientCommand(program.command('rollback'))
    .argument('<kind>')
    .argument('<name>')
    .description('make a resource what it was, also one that was deleted')
    .option('-n, --namespace <name>', 'default "default"')
    .option('--to-revision <number>', 'of its history (default: the version before this one)')
    .option('--force', 'also what a file or another source brought', false)
    .addHelpText(
      'before',
      examples('portolan rollback ingress web', 'portolan rollback ingress web --to-revision 42'),
    )
    .action(
      (kind: string, name: string, flags: { namespace?: string; toRevision?: string; force: boolean }) =>
        ask(io, flags, async (session) =>
          (await import('../actions/history.ts')).rollBack(session, kind, name, flags),
        ),
    );
}

function declareExplain(program: Command, io: Io): void {
  clientCommand(program.command('explain'))
    .argument('<target>', 'host and path, with or without http:// or https://')
    .description('which rule a request meets, why, and where it goes')
    .option('-H, --header <name: value>', 'of the request; may be repeated', collect, [])
    .option('-X, --method <method>', 'of the request', 'GET')
    .option('--source <ip>', 'address of the client')
    .option('--table <name>', "another set of hosts than the gateway's own")
    .addHelpText(
      'before',
      examples(
        'portolan explain shop.example.com/api/items',
        "portolan explain https://shop.example.com/ -H 'cookie: user=jason' -X POST",
      ),
    )
    .action((target: string, flags: ExplainFlags) =>
      ask(io, flags, async (session) =>
        (await import('../actions/explain.ts')).explain(session, target, flags),
      ),
    );
}
