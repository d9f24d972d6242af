import { join } from 'node:path';
import { launchProgram, type Program } from '@portolan/testkit/launch-program.ts';

/** A server that is ready, and what the others have to know of it. */
export interface DemoServer {
  readonly program: Program;
  /** Of the `http` listener. */
  readonly url: string;
  /** Where each listener really is, by name. */
  readonly listeners: ReadonlyMap<string, { readonly address: string; readonly port: number }>;
  readonly gatewayDomain: string;
  readonly dnsDomain: string;
}

const launcher = join(import.meta.dirname, '..', '..', 'packages', 'cli', 'bin', 'portolan.mjs');
const ownDataDir = './portolan-data/demo';

/** `flags` are those of `portolan server`; they win over the demo's own. */
export async function startServer(flags: readonly string[]): Promise<DemoServer> {
  const all = given(flags, '--data-dir') ? flags : ['--data-dir', ownDataDir, ...flags];
  const settings = await settingsOf(all);
  const program = await launch(['server', ...all], /^Ready in /m).catch((thrown: unknown) => {
    throw withFix(thrown, flags);
  });
  const url = bannerUrl(program.output());
  const listeners = new Map<string, { address: string; port: number }>();
  const answer = await fetch(`${url}/portolan/v1/listeners`);
  for (const { name, address, port } of (await answer.json()) as Listener[])
    listeners.set(name, { address, port });
  return {
    program,
    url,
    listeners,
    gatewayDomain: settings.get('gateway.domain') ?? 'localhost',
    dnsDomain: settings.get('dns.domain') ?? 'consul',
  };
}

interface Listener {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

function given(flags: readonly string[], flag: string): boolean {
  return flags.some((word) => word === flag || word.startsWith(`${flag}=`));
}

/** What the server will make of its flags, variables and file; wrong ones are told before anything starts. */
async function settingsOf(flags: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const program = await launch(['config', 'show', '-o', 'json', ...flags]);
  const { code } = await program.exited;
  const output = program.output();
  await program.stop();
  // `--help` is no list of settings either; warnings may come before one.
  const at = output.search(/^\[$/m);
  if (code !== 0 || at === -1) throw new Error(output.trim());
  const rows = JSON.parse(output.slice(at)) as { setting: string; value: string }[];
  return new Map(rows.map(({ setting, value }) => [setting, value]));
}

function launch(args: readonly string[], ready?: RegExp): Promise<Program> {
  return launchProgram({
    command: process.execPath,
    args: [launcher, ...args],
    ...(ready === undefined ? {} : { ready }),
  });
}

/** The server names the listener whose port is taken; this adds the whole command that goes around it. */
function withFix(thrown: unknown, flags: readonly string[]): Error {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const said = message.slice(message.indexOf('it wrote:\n') + 'it wrote:\n'.length).trim();
  const taken = /--listen ([\w-]+)=ADDR:PORT/.exec(said)?.[1];
  if (!said.includes('EADDRINUSE') || taken === undefined) return new Error(message, { cause: thrown });
  const command = ['npm run demo --', ...without(flags, taken), `--listen ${taken}=127.0.0.1:0`].join(' ');
  return new Error(`${said}\n\nSomething else is there. To take a free port instead:\n\n    ${command}\n`, {
    cause: thrown,
  });
}

/** The flags as they were typed, but for the place of this listener. */
function without(flags: readonly string[], listener: string): readonly string[] {
  const isIts = (word: string | undefined): boolean => word?.startsWith(`${listener}=`) === true;
  return flags
    .filter((word, at) => !(word === '--listen' && isIts(flags[at + 1])))
    .filter((word, at, rest) => !(isIts(word) && rest[at - 1] !== '--listen'))
    .filter((word) => !word.startsWith(`--listen=${listener}=`))
    .map((word) => (/^[\w./:=@,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`));
}

/** The line of the `http` listener in the server's banner. */
function bannerUrl(output: string): string {
  const address = /^ {2}http +(\S+:\d+) /m.exec(output)?.[1];
  if (address === undefined) throw new Error(`the server told no http listener:\n${output}`);
  return `http://${address}`;
}
