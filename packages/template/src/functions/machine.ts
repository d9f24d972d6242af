import { readFileSync } from 'node:fs';
import type { TemplateFunction } from '../language/builtins.ts';
import { sprintf } from '../language/printf.ts';
import { Callable, GoMap, Struct, type Value } from '../language/values.ts';
import { count, text } from './arguments.ts';
import { formatTime } from './go-time.ts';
import { type FileRequest, writeToFile } from './write-to-file.ts';

/** What functions may know of the machine they run on. */
export interface Machine {
  readonly environment: Readonly<Record<string, string | undefined>>;
  wallMs(): number;
  /** A name of the tz database; without one the process' own zone. */
  readonly timeZone?: string;
  /** A file's text; called again at every rendering. Throws if it cannot be read. */
  readFile(path: string): string;
  /** Takes a file that a template asks for; without it that is refused. */
  readonly writeFile?: (request: FileRequest) => void;
}

/** The process' own surroundings. */
export function ownMachine(environment: Machine['environment'], wallMs: () => number): Machine {
  return { environment, wallMs, readFile: (path) => readFileSync(path, 'utf8') };
}

export function machineFunctions(machine: Machine): readonly (readonly [string, TemplateFunction])[] {
  return [
    ['env', (...args) => variable(machine, args, 1) ?? ''],
    ['mustEnv', (...args) => mustEnv(machine, args)],
    ['envOrDefault', (...args) => variable(machine, args, 2) ?? text(args[1])],
    ['file', (...args) => (one(args) === '' ? '' : machine.readFile(one(args)))],
    ['timestamp', (...args) => timestamp(machine.wallMs(), args)],
    ['spew_dump', (...args) => args.map((value) => sprintf('%#v\n', [value])).join('')],
    ['spew_sdump', (...args) => args.map((value) => sprintf('%#v\n', [value])).join('')],
    ['spew_printf', (format, ...args) => sprintf(text(format), args)],
    ['spew_sprintf', (format, ...args) => sprintf(text(format), args)],
    ['scratch', scratch()],
    [
      'plugin',
      (name) => (name === '' ? '' : refuse('plugin: running programs from a template is not allowed')),
    ],
    ['sockaddr', () => refuse('sockaddr: not supported; use env or keyOrDefault')],
    ['writeToFile', writeToFile(machine.writeFile)],
  ];
}

function refuse(message: string): never {
  throw new Error(message);
}

function one(args: readonly Value[]): string {
  count(args, 1);
  return text(args[0]);
}

function variable(machine: Machine, args: readonly Value[], arity: number): string | undefined {
  count(args, arity);
  const name = text(args[0]);
  return Object.hasOwn(machine.environment, name) ? machine.environment[name] : undefined;
}

function mustEnv(machine: Machine, args: readonly Value[]): string {
  const value = variable(machine, args, 1);
  if (value === undefined || value === '')
    throw new Error(`required environment variable ${text(args[0])} is empty`);
  return value;
}

/** RFC 3339 in UTC, or a layout of Go's; `unix` is the seconds. */
function timestamp(wallMs: number, args: readonly Value[]): string {
  if (args.length > 1)
    throw new Error(`timestamp: wrong number of arguments, expected 0 or 1, but got ${args.length}`);
  const layout = args.length === 0 ? '2006-01-02T15:04:05Z07:00' : text(args[0]);
  return layout === 'unix' ? `${Math.floor(wallMs / 1000)}` : formatTime(wallMs, layout);
}

/** `scratch.Set "a" 1` … `scratch.Get "a"`: memory for the length of one rendering. */
function scratch(): TemplateFunction {
  const values = new Map<string, Value>();
  const setter = (overwrites: boolean) => new Callable('Set', (...args) => set(values, args, overwrites));
  const mapSetter = (overwrites: boolean) =>
    new Callable('MapSet', (...args) => mapSet(values, args, overwrites));
  const methods = new Map<string, Callable>([
    ['Key', new Callable('Key', (...args) => values.has(one(args)))],
    ['Get', new Callable('Get', (...args) => values.get(one(args)) ?? null)],
    ['Set', setter(true)],
    ['SetX', setter(false)],
    ['MapSet', mapSetter(true)],
    ['MapSetX', mapSetter(false)],
    ['MapValues', new Callable('MapValues', (...args) => mapValues(values, one(args)))],
  ]);
  const object = new Struct('*template.Scratch', new Map(), methods);
  return () => object;
}

function set(values: Map<string, Value>, args: readonly Value[], overwrites: boolean): string {
  count(args, 2);
  const key = text(args[0]);
  if (overwrites || !values.has(key)) values.set(key, args[1] ?? null);
  return '';
}

function mapSet(values: Map<string, Value>, args: readonly Value[], overwrites: boolean): string {
  count(args, 3);
  const [name = '', key = ''] = args.slice(0, 2).map(text);
  const present = values.get(name) ?? new GoMap(new Map());
  if (!(present instanceof GoMap)) throw new Error(`${JSON.stringify(name)} is not a map`);
  if (overwrites || !present.entries.has(key)) {
    values.set(name, new GoMap(new Map(present.entries).set(key, args[2] ?? null)));
  }
  return '';
}

/** By key. */
function mapValues(values: Map<string, Value>, name: string): Value {
  const present = values.get(name);
  return present instanceof GoMap ? present.sorted().map(([, value]) => value) : [];
}
