import type { Flag, FlagValues } from '@portolan/server/config/flags.ts';
import { type Command, Option } from 'commander';
import { collect } from './client-command.ts';

/** The flags are the server's own data; their values are not judged here, so that it can say where each came from. */
export function withFlags(command: Command, flags: readonly Flag[]): Command {
  for (const flag of flags) command.addOption(optionOf(flag));
  return command;
}

function optionOf(flag: Flag): Option {
  const text = `${flag.description} (default ${flag.defaultText === '' ? 'none' : flag.defaultText})`;
  const argument = flag.argument === undefined ? '' : ` <${flag.argument}>`;
  const option = new Option(`--${flag.name}${argument}`, text);
  return flag.repeatable
    ? option.argParser((value, before?: readonly string[]) => collect(value, before ?? []))
    : option;
}

/** Commander's camel case back to the flags' own names. */
export function flagValues(flags: readonly Flag[], values: Readonly<Record<string, unknown>>): FlagValues {
  return Object.fromEntries(
    flags.map(({ name }) => [name, values[camelCase(name)] as FlagValues[string]] as const),
  );
}

function camelCase(name: string): string {
  return name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
