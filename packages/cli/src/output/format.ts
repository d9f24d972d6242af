/** `--output`. `name` prints just what the next command needs, one to a line. */
export type Format = 'table' | 'wide' | 'json' | 'yaml' | 'name';

export const formats: readonly Format[] = ['table', 'wide', 'json', 'yaml', 'name'];

/** What the command line asks for, also when it cannot be parsed: errors take the same form. */
export function formatOfArgv(argv: readonly string[]): Format {
  for (const [at, argument] of argv.entries()) {
    if (argument === '--') break;
    const value =
      /^(?:--output=|-o)(.+)$/.exec(argument)?.[1] ?? (isFlag(argument) ? argv[at + 1] : undefined);
    const format = formats.find((known) => known === value);
    if (format !== undefined) return format;
  }
  return 'table';
}

function isFlag(argument: string): boolean {
  return argument === '--output' || argument === '-o';
}
