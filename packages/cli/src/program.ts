import { Command } from 'commander';
import { declareCatalogCommands } from './commands/catalog-commands.ts';
import { examples } from './commands/client-command.ts';
import { declareCompletionCommands } from './commands/completion-commands.ts';
import { declareEnvironmentCommands } from './commands/environment-commands.ts';
import { declareGatewayCommands } from './commands/gateway-commands.ts';
import { declareKvCommands } from './commands/kv-commands.ts';
import { declareRolloutCommands } from './commands/rollout-commands.ts';
import { declareRuleCommands } from './commands/rule-commands.ts';
import { declareServerCommands } from './commands/server-commands.ts';
import { declareTemplateCommand } from './commands/template-command.ts';
import type { Io } from './io.ts';

/** The whole command line. What a command does is loaded when it runs, so that the others start quickly. */
export function buildProgram(io: Io, version: string): Command {
  const program = new Command('portolan')
    .description('Registry, DNS, gateway: services register, are found by name, and are reached.')
    .version(version, '-V, --version', 'print the version')
    .helpCommand('help [command]', 'help about a command')
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: () => {}, outputError: () => {} })
    .configureHelp({ helpWidth: 110 })
    .addHelpText('before', rootExamples)
    .addHelpText('after', rootNotes);
  declareServerCommands(program, io);
  declareGatewayCommands(program, io);
  declareCatalogCommands(program, io);
  declareRuleCommands(program, io);
  declareRolloutCommands(program, io);
  declareKvCommands(program, io);
  declareEnvironmentCommands(program, io);
  declareTemplateCommand(program);
  declareCompletionCommands(program, io);
  return program;
}

const rootExamples = examples(
  'portolan server                                     # start everything, on 127.0.0.1',
  'portolan register web --port 8000 --tag http        # reached at http://web.localhost:8080/',
  'portolan services                                   # who is there',
  'portolan resolve web                                # where to call it',
  'portolan apply -f shop.yaml                         # Ingress, HTTPRoute, VirtualService … as they are',
  'portolan explain shop.example.com/cart              # which rule a request meets, and where it goes',
);

const rootNotes = `
Exit codes: 0 ok, 1 failed, 2 wrong usage or input, 3 not found, 4 denied, 5 conflict, 6 server not
reached or too slow. Errors go to stderr, with --output json as JSON.

Variables: PORTOLAN_SERVER, PORTOLAN_TOKEN, PORTOLAN_TOKEN_FILE; CONSUL_HTTP_ADDR, CONSUL_HTTP_TOKEN and
CONSUL_HTTP_TOKEN_FILE are read too. A flag beats a variable.
`;
