import type { Command } from 'commander';
import type { Io } from '../io.ts';
import { ask, clientCommand, examples } from './client-command.ts';

/** The key-value store. */
export function declareKvCommands(program: Command, io: Io): void {
  const kv = program
    .command('kv')
    .description('read and write keys')
    .addHelpText(
      'before',
      examples(
        'portolan kv put app/color blue',
        'portolan kv get app/color',
        'portolan kv list app/',
        'portolan kv delete app/ --recurse',
      ),
    );

  clientCommand(kv.command('get'))
    .argument('<key>')
    .description('print the value of a key')
    .addHelpText('before', examples('portolan kv get app/color', 'portolan kv get app/color -o json'))
    .action((key: string, flags: unknown) =>
      ask(io, flags, async (session) => (await import('../actions/kv.ts')).getKey(session, key)),
    );

  clientCommand(kv.command('put'))
    .argument('<key>')
    .argument('<value>', 'the value, @FILE, or - for stdin')
    .description('write a key')
    .option('--cas <index>', 'only if the key is still at this modifyIndex; 0: only if it does not exist')
    .option('--flags <number>', 'a number kept with the key')
    .addHelpText(
      'before',
      examples(
        'portolan kv put app/color blue',
        'portolan kv put app/config @config.json',
        'date | portolan kv put app/date -',
      ),
    )
    .action((key: string, value: string, flags: { cas?: string; flags?: string }) =>
      ask(io, flags, async (session) =>
        (await import('../actions/kv.ts')).putKey(session, key, value, flags),
      ),
    );

  clientCommand(kv.command('delete'))
    .argument('<key>', 'the key, or with --recurse the prefix')
    .description('delete a key, or all below a prefix')
    .option('--recurse', 'every key that begins with it', false)
    .option('--cas <index>', 'only if the key is still at this modifyIndex')
    .option('--yes', 'do it without asking back', false)
    .addHelpText('before', examples('portolan kv delete app/color', 'portolan kv delete app/ --recurse'))
    .action((key: string, flags: { recurse: boolean; cas?: string; yes: boolean }) =>
      ask(io, flags, async (session) => (await import('../actions/kv.ts')).deleteKey(session, key, flags)),
    );

  clientCommand(kv.command('list'))
    .argument('[prefix]', 'only keys that begin with it', '')
    .description('list keys')
    .addHelpText('before', examples('portolan kv list', 'portolan kv list app/ -o wide'))
    .action((prefix: string, flags: unknown) =>
      ask(io, flags, async (session) => (await import('../actions/kv.ts')).listKeys(session, prefix)),
    );
}
