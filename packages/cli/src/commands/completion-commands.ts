import { Argument, type Command } from 'commander';
import type { Io } from '../io.ts';
import { examples } from './client-command.ts';

const shells = ['bash', 'zsh', 'fish'] as const;

/** Completion: a script for each shell, which asks the hidden `__complete` for words. */
export function declareCompletionCommands(program: Command, io: Io): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .description('print a completion script')
    .addHelpText(
      'before',
      examples(
        'source <(portolan completion bash)',
        'portolan completion zsh > ~/.zfunc/_portolan',
        'portolan completion fish > ~/.config/fish/completions/portolan.fish',
      ),
    )
    .action(async (shell: (typeof shells)[number]) => {
      const { completionScript } = await import('../actions/completion-script.ts');
      io.out(completionScript(shell));
    });

  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (words: readonly string[]) => {
      const { completeWords } = await import('../actions/complete.ts');
      for (const word of await completeWords(program, words, io)) io.out(`${word}\n`);
    });
}
