import type { Command, Option } from 'commander';
import type { Io } from '../io.ts';
import { type Session, withSession } from '../session.ts';

/** A key press waits for it: past this the names of the server are left out. */
const dynamicTimeout = '300ms';

/** Whose argument is the name of a service. */
const takesService: ReadonlySet<string> = new Set(['services', 'resolve']);

/** Whose first argument is a kind of resource, and the second the name of one. */
const takesKind: ReadonlySet<string> = new Set(['get', 'delete', 'history', 'rollback']);

/** Candidates for the last of `words`, which may be empty. */
export async function completeWords(
  program: Command,
  words: readonly string[],
  io: Io,
): Promise<readonly string[]> {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const { command, positionals, awaited } = walk(program, before);
  return (await candidates(command, positionals, awaited, current, io, before)).filter((word) =>
    word.startsWith(current),
  );
}

async function candidates(
  command: Command,
  positionals: readonly string[],
  awaited: Option | undefined,
  current: string,
  io: Io,
  before: readonly string[],
): Promise<readonly string[]> {
  if (awaited !== undefined) {
    if (awaited.long === '--name') return serviceNames(io, before);
    return awaited.argChoices ?? [];
  }
  if (current.startsWith('-')) return optionNames(command);
  if (command.commands.length > 0) return visibleCommands(command);
  if (takesKind.has(command.name())) return kindsOrNames(command, positionals, io, before);
  if (positionals.length === 0 && takesService.has(command.name())) return serviceNames(io, before);
  return command.registeredArguments[positionals.length]?.argChoices ?? [];
}

/** Follows the words to the command they mean; `awaited` is the option whose value comes next. */
function walk(
  program: Command,
  words: readonly string[],
): { command: Command; positionals: readonly string[]; awaited: Option | undefined } {
  let command = program;
  const positionals: string[] = [];
  let awaited: Option | undefined;
  for (const word of words) {
    if (awaited !== undefined) {
      awaited = undefined;
    } else if (word.startsWith('-')) {
      const option = command.options.find(({ short, long }) => word === short || word === long);
      if (option?.required || option?.optional) awaited = option;
    } else {
      const next = command.commands.find((sub) => sub.name() === word);
      if (next === undefined) positionals.push(word);
      else command = next;
    }
  }
  return { command, positionals, awaited };
}

function optionNames(command: Command): readonly string[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long }) => long ?? []);
}

function visibleCommands(command: Command): readonly string[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((sub) => sub.name());
}

async function kindsOrNames(
  command: Command,
  [kind]: readonly string[],
  io: Io,
  words: readonly string[],
): Promise<readonly string[]> {
  const { kindNamed, kindWords } = await import('./resource-kinds.ts');
  if (kind === undefined) return command.name() === 'get' ? [...kindWords(), 'kinds', 'routes'] : kindWords();
  const namespace = argumentOf(words, '-n') ?? argumentOf(words, '--namespace');
  return namesFrom(io, words, async (session) => {
    const { listResources } = await import('./get.ts');
    const flags = { allNamespaces: false, ...(namespace === undefined ? {} : { namespace }) };
    return (await listResources(session, kindNamed(kind), flags)).map(({ metadata }) => metadata.name);
  });
}

function serviceNames(io: Io, words: readonly string[]): Promise<readonly string[]> {
  return namesFrom(io, words, async ({ registry, signal }) =>
    Array.from((await registry.services(signal)).keys()).sort(),
  );
}

async function namesFrom(
  io: Io,
  words: readonly string[],
  ask: (session: Session) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const server = argumentOf(words, '--server');
  let names: readonly string[] = [];
  try {
    await withSession(
      io,
      {
        timeout: dynamicTimeout,
        output: 'name',
        headers: true,
        color: false,
        ...(server === undefined ? {} : { server }),
      },
      async (session) => {
        names = await ask(session);
      },
    );
  } catch {
    // No server, no names: an error in the middle of a line that is being typed helps nobody.
  }
  // What has a space or a control character would need quoting; leave it to be typed.
  return names.filter((name) => /^[\w./:-]+$/.test(name));
}

function argumentOf(words: readonly string[], flag: string): string | undefined {
  const at = words.indexOf(flag);
  return at === -1 ? undefined : words[at + 1];
}
