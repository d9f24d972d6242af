import type { Command } from 'commander';

/** Only for the list of commands: `run.ts` hands the whole line on, because the flags are consul-template's. */
export function declareTemplateCommand(program: Command): void {
  program
    .command('template')
    .description(
      "keep files equal to templates of the registry: consul-template's flags and language (-help)",
    )
    .allowUnknownOption()
    .argument('[flags...]');
}
