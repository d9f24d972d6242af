import { Fault } from '@portolan/core/base/fault.ts';
import { didYouMean } from '@portolan/core/base/near-miss.ts';
import {
  type FlagValues,
  listenerNames,
  type SettingInfo,
  type SettingKey,
  serverFlags,
  settingInfos,
} from './flags.ts';
import { type SettingValues, schemas } from './schemas.ts';
import { type Origin, type Settings, settingsFrom } from './settings.ts';
import type { FileEntry, SettingsFile } from './settings-file.ts';
import { bracketed, isLoopback } from './values.ts';

export interface SettingsInput {
  readonly flags: FlagValues;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Undefined: no `--config`. */
  readonly file: SettingsFile | undefined;
  /** What defaults are made of. */
  readonly machine: { readonly hostName: string; readonly cores: number };
}

/**
 * All settings: a flag beats a variable, a variable beats the file. Throws one `invalid` fault with a line for every problem,
 * each with its place (`portolan.yaml:3:5`, `--listen`, `PORTOLAN_NODE`), the key, and what to write instead.
 */
export function resolveSettings(input: SettingsInput): Settings {
  const problems: string[] = [];
  const fromFile = fileValues(input.file, problems);
  const fromListen = listenFlags(input.flags.listen, problems);
  const values: Partial<Record<SettingKey, unknown>> = {};
  const origins: Partial<Record<SettingKey, Origin>> = {};
  for (const info of settingInfos) {
    const found =
      flagValue(info, input.flags, fromListen) ??
      variableValue(info, input.env) ??
      fromFile.get(info.key) ??
      defaultValue(info, input.machine, values);
    origins[info.key] = { from: found.from, place: found.place, given: String(found.value) };
    const result = schemas[info.key].safeParse(found.value);
    if (result.success) values[info.key] = result.data;
    else
      for (const issue of result.error.issues) problems.push(`${found.place}: ${info.key} ${issue.message}`);
  }
  checkFlagNames(input.flags, problems);
  if (problems.length > 0) throw invalid(problems);
  const settings = settingsFrom(
    values as SettingValues,
    origins as Settings['origins'],
    unknownVariables(input.env),
  );
  checkTogether(settings, problems);
  if (problems.length > 0) throw invalid(problems);
  return settings;
}

interface Found {
  readonly from: Origin['from'];
  readonly place: string;
  readonly value: unknown;
}

function fileValues(file: SettingsFile | undefined, problems: string[]): ReadonlyMap<string, Found> {
  const found = new Map<string, Found>();
  for (const entry of file?.entries ?? []) {
    if (!isKey(entry.path)) problems.push(unknownKey(entry));
    else if (entry.value === null || entry.value === undefined) {
      problems.push(`${entry.place}: ${entry.path} has no value: write one, or take the line out`);
    } else found.set(entry.path, { from: 'file', place: entry.place, value: entry.value });
  }
  return found;
}

function unknownKey({ path, place }: FileEntry): string {
  const suggestion = didYouMean(
    path,
    settingInfos.map((info) => info.key),
  );
  return `${place}: ${path} is not a setting${suggestion === '' ? '; docs/configuration.md lists them all' : suggestion}`;
}

function isKey(path: string): path is SettingKey {
  return Object.hasOwn(schemas, path);
}

/** `--listen http=127.0.0.1:0 --listen dns=off`, by key. */
function listenFlags(given: FlagValues[string], problems: string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const all = given === undefined ? [] : Array.isArray(given) ? given : [String(given)];
  for (const text of all) {
    const equals = text.indexOf('=');
    const name = text.slice(0, Math.max(equals, 0)).trim();
    if (equals === -1) {
      problems.push(`--listen: must be NAME=ADDR:PORT or NAME=off, not "${text}"`);
    } else if (!listenerNames.some((listener) => listener === name)) {
      const suggestion = didYouMean(name, listenerNames) || `; there are ${listenerNames.join(', ')}`;
      problems.push(`--listen: there is no listener "${name}"${suggestion}`);
    } else if (found.has(`listen.${name}`)) {
      problems.push(`--listen: ${name} is given twice: give it once`);
    } else found.set(`listen.${name}`, text.slice(equals + 1));
  }
  return found;
}

function flagValue(
  info: SettingInfo,
  flags: FlagValues,
  listen: ReadonlyMap<string, string>,
): Found | undefined {
  const value = info.flag === 'listen' ? listen.get(info.key) : flags[info.flag];
  if (value === undefined) return undefined;
  return { from: 'flag', place: `--${info.flag}`, value };
}

function variableValue(info: SettingInfo, env: SettingsInput['env']): Found | undefined {
  const value = env[info.variable];
  if (value === undefined || value === '') return undefined;
  return { from: 'variable', place: info.variable, value };
}

/** Any other character of a host name becomes a hyphen: a default must never be refused. */
function defaultValue(
  info: SettingInfo,
  machine: SettingsInput['machine'],
  values: Partial<Record<SettingKey, unknown>>,
): Found {
  const found = { from: 'default' as const, place: 'default' };
  switch (info.key) {
    case 'node': {
      const name = machine.hostName.replaceAll(/[^A-Za-z0-9.-]/g, '-').replaceAll(/^[.-]+|[.-]+$/g, '');
      return { ...found, value: name.slice(0, 63) || 'portolan' };
    }
    case 'gateway.workers':
      return { ...found, value: Math.min(Math.max(machine.cores, 1), maxDefaultWorkers) };
    case 'listen.gateway-tls':
      return { ...found, value: tlsDoorBeside(values['listen.gateway'], info.defaultValue) };
    default:
      return { ...found, value: info.defaultValue };
  }
}

/** Who turns the gateway off means both of its doors, and who wants a free port two of them. */
function tlsDoorBeside(gateway: unknown, usual: SettingInfo['defaultValue']): SettingInfo['defaultValue'] {
  const { bind } = (gateway ?? {}) as SettingValues['listen.gateway'];
  if (gateway !== undefined && bind === undefined) return 'off';
  return bind?.port === 0 ? '127.0.0.1:0' : usual;
}

/** More processes than this are wanted knowingly or not at all. */
const maxDefaultWorkers = 4;

function checkFlagNames(flags: FlagValues, problems: string[]): void {
  const known = serverFlags.map((flag) => flag.name);
  for (const name of Object.keys(flags)) {
    if (flags[name] === undefined || known.includes(name)) continue;
    problems.push(`--${name}: there is no such flag${didYouMean(name, known)}`);
  }
}

/**
 * Only near misses, and only as a warning: other commands have variables of their own, and Kubernetes makes PORTOLAN_PORT and
 * PORTOLAN_SERVICE_HOST for a service that is named portolan.
 */
function unknownVariables(env: SettingsInput['env']): string[] {
  const known = ['PORTOLAN_CONFIG', 'PORTOLAN_SERVER', ...settingInfos.map((info) => info.variable)];
  return Object.keys(env)
    .filter((name) => name.startsWith('PORTOLAN_') && !known.includes(name))
    .map((name) => ({ name, suggestion: didYouMean(name, known) }))
    .filter(({ suggestion }) => suggestion !== '')
    .map(({ name, suggestion }) => `${name} is not read${suggestion}`);
}

function checkTogether(settings: Settings, problems: string[]): void {
  if (settings.listeners.gateway !== undefined && settings.listeners.http === undefined) {
    problems.push(
      `${settings.origins['listen.http'].place}: listen.http cannot be off while listen.gateway is on, which gets its routes from there: turn that off too, or bind http to a loopback address`,
    );
  }
  const taken = new Map<string, string>();
  for (const name of listenerNames) {
    const bind = settings.listeners[name];
    if (bind === undefined) continue;
    const { place } = settings.origins[`listen.${name}`];
    const shown = `${bracketed(bind.address)}:${bind.port}`;
    if (!settings.allowAnonymous && !isLoopback(bind.address)) {
      problems.push(
        `${place}: listen.${name} would bind ${shown}, which others can reach, and nobody would be asked who they are: bind a loopback address such as 127.0.0.1:${bind.port}, or say --allow-anonymous if it is meant`,
      );
    }
    const other = bind.port === 0 ? undefined : taken.get(shown);
    if (other !== undefined)
      problems.push(`${place}: listen.${name} and listen.${other} cannot both be ${shown}`);
    taken.set(shown, name);
  }
}

function invalid(problems: readonly string[]): Fault {
  return new Fault('invalid', problems.join('\n'));
}
