import { constants } from 'node:os';
import type { Fault } from '@portolan/core/base/fault.ts';
import type { ConsulAddress } from '../data/consul-address.ts';
import type { RetryPolicy } from '../data/watched-data.ts';
import { commandLine } from '../run/command.ts';
import type { WaitSpec } from '../run/template-spec.ts';
import type { ExecConfig, TemplateConfig, TemplateEntry } from './config.ts';
import { Fields, parseDuration } from './fields.ts';

/**
 * A decoded configuration of consul-template (HCL or JSON). Throws an `invalid` fault that names the setting. What belongs to
 * parts that Portolan does not have (Vault, Nomad, deduplication: the server makes it needless) is accepted and listed in `ignored`.
 * Source: https://github.com/hashicorp/consul-template/blob/main/docs/configuration.md
 */
export function configFromObject(value: unknown): TemplateConfig {
  const root = new Fields('', value);
  const consul = root.block('consul');
  const delimiters = root.block('default_delimiters');
  const logFile = root.block('log_file');
  const unused = [
    ...(consul?.ignore('namespace', 'transport') ?? []),
    ...(logFile?.ignore('log_rotate_bytes', 'log_rotate_duration', 'log_rotate_max_files') ?? []),
  ];
  const config: TemplateConfig = {
    consul: consul === undefined ? {} : consulAddress(consul),
    retry: consul === undefined ? {} : retry(consul),
    templates: root.blocks('template').map(templateEntry),
    exec: exec(root.block('exec')),
    wait: waitOf(root, 'wait'),
    once: root.flag('once'),
    dry: undefined,
    parseOnly: root.flag('parse_only'),
    blockQueryWaitMs: root.durationMs('block_query_wait'),
    logLevel: root.text('log_level'),
    logFile: logFile?.text('path'),
    maxStaleMs: root.durationMs('max_stale'),
    errorFatal: root.flag('template_error_fatal'),
    failsOnNothing: root.flag('err_on_failed_lookup'),
    pidFile: root.text('pid_file'),
    reloadSignal: signal(root, 'reload_signal'),
    killSignal: signal(root, 'kill_signal'),
    leftDelimiter: delimiters?.text('left') ?? root.text('default_left_delimiter'),
    rightDelimiter: delimiters?.text('right') ?? root.text('default_right_delimiter'),
    ignored: [...root.ignore('vault', 'nomad', 'deduplicate', 'syslog', 'telemetry'), ...unused],
  };
  consul?.end();
  logFile?.end();
  delimiters?.end();
  root.end();
  return config;
}

function consulAddress(consul: Fields): Partial<ConsulAddress> {
  const tokenFile = consul.text('token_file');
  const auth = consul.block('auth');
  const ssl = consul.block('ssl');
  const address = consul.text('address');
  const token = consul.text('token');
  return {
    ...(address === undefined ? {} : { address: withScheme(address, ssl?.flag('enabled') ?? false) }),
    ...(token === undefined ? {} : { token }),
    ...(tokenFile === undefined ? {} : { tokenFile }),
    ...basic(auth),
    ...(ssl === undefined ? {} : { tls: tlsOf(ssl) }),
  };
}

function withScheme(address: string, secure: boolean): string {
  return secure && !address.includes('://') ? `https://${address}` : address;
}

function basic(auth: Fields | undefined): Partial<ConsulAddress> {
  if (auth === undefined) return {};
  const enabled = auth.flag('enabled') ?? true;
  const username = auth.text('username');
  const password = auth.text('password');
  auth.end();
  return enabled && username !== undefined
    ? { username, ...(password === undefined ? {} : { password }) }
    : {};
}

function tlsOf(ssl: Fields): NonNullable<ConsulAddress['tls']> {
  const texts = {
    caFile: ssl.text('ca_cert'),
    certFile: ssl.text('cert'),
    keyFile: ssl.text('key'),
    serverName: ssl.text('server_name'),
  };
  const verify = ssl.flag('verify');
  ssl.ignore('ca_path', 'enabled');
  ssl.end();
  const given = Object.entries(texts).filter(([, text]) => text !== undefined);
  return { ...Object.fromEntries(given), ...(verify === undefined ? {} : { verify }) };
}

function retry(consul: Fields): Partial<RetryPolicy> {
  const block = consul.block('retry');
  if (block === undefined) return {};
  const enabled = block.flag('enabled') ?? true;
  const attempts = block.int('attempts');
  const backoffMs = block.durationMs('backoff');
  const maxBackoffMs = block.durationMs('max_backoff');
  block.end();
  return {
    ...(enabled ? (attempts === undefined ? {} : { attempts }) : { attempts: 1 }),
    ...(backoffMs === undefined ? {} : { backoffMs }),
    ...(maxBackoffMs === undefined ? {} : { maxBackoffMs }),
  };
}

function templateEntry(fields: Fields): TemplateEntry {
  const left = fields.text('left_delimiter');
  const right = fields.text('right_delimiter');
  const mode = fields.mode('perms');
  const wait = waitOf(fields, 'wait');
  const command = templateCommand(fields);
  const createFolders = fields.flag('create_dest_dirs');
  const backup = fields.flag('backup');
  const user = fields.text('user') ?? account(fields, 'uid');
  const group = fields.text('group') ?? account(fields, 'gid');
  const sandboxPath = fields.text('sandbox_path');
  const errorFatal = fields.flag('error_fatal');
  const denied = fields.words('function_denylist') ?? fields.words('function_blacklist');
  const entry: TemplateEntry = {
    source: fields.text('source'),
    contents: fields.text('contents'),
    destination: fields.text('destination') ?? '',
    ...command,
    ...(mode === undefined ? {} : { mode }),
    ...(wait === undefined ? {} : { wait }),
    ...(createFolders === undefined ? {} : { createFolders }),
    ...(backup === undefined ? {} : { backup }),
    ...(denied === undefined ? {} : { deniedFunctions: denied }),
    ...(user === undefined ? {} : { user }),
    ...(group === undefined ? {} : { group }),
    ...(sandboxPath === undefined ? {} : { sandboxPath }),
    ...(errorFatal === undefined ? {} : { errorFatal }),
    ...(fields.flag('error_on_missing_key') === true ? { missingKey: 'error' as const } : {}),
    ...(left === undefined && right === undefined
      ? {}
      : { delimiters: { left: left ?? '{{', right: right ?? '}}' } }),
  };
  fields.end();
  if ((entry.source === undefined) === (entry.contents === undefined)) {
    throw fields.fail('source', 'or contents must be given, and not both');
  }
  return entry;
}

/** Older configurations name accounts by number; negative means none. */
function account(fields: Fields, key: 'uid' | 'gid'): string | undefined {
  const id = fields.int(key);
  return id === undefined || id < 0 ? undefined : `${id}`;
}

function templateCommand(fields: Fields): Pick<TemplateEntry, 'command' | 'commandTimeoutMs'> {
  const block = fields.block('exec');
  const words = block?.words('command') ?? fields.words('command');
  const timeoutMs = block?.durationMs('timeout') ?? fields.durationMs('command_timeout');
  const enabled = block?.flag('enabled') ?? true;
  block?.ignore('splay', 'reload_signal', 'kill_signal', 'kill_timeout', 'env');
  block?.end();
  return {
    ...(!enabled || words === undefined || words.join('') === '' ? {} : { command: commandLine(words) }),
    ...(timeoutMs === undefined ? {} : { commandTimeoutMs: timeoutMs }),
  };
}

function exec(block: Fields | undefined): Partial<ExecConfig> {
  if (block === undefined) return {};
  const words = block.words('command');
  const splayMs = block.durationMs('splay');
  const killTimeoutMs = block.durationMs('kill_timeout');
  const reloadSignal = signal(block, 'reload_signal');
  const killSignal = signal(block, 'kill_signal');
  const env = block.block('env');
  const environment =
    env === undefined
      ? undefined
      : {
          allow: env.words('allowlist') ?? env.words('whitelist'),
          deny: env.words('denylist') ?? env.words('blacklist') ?? [],
          custom: env.words('custom') ?? [],
          pristine: env.flag('pristine') ?? false,
        };
  env?.end();
  const enabled = block.flag('enabled') ?? true;
  block.ignore('timeout');
  block.end();
  return {
    ...(words === undefined || !enabled ? {} : { command: commandLine(words) }),
    ...(splayMs === undefined ? {} : { splayMs }),
    ...(killTimeoutMs === undefined ? {} : { killTimeoutMs }),
    ...(reloadSignal === undefined ? {} : { reloadSignal }),
    ...(killSignal === undefined ? {} : { killSignal }),
    ...(environment === undefined ? {} : { environment }),
  };
}

/** `wait { min = "2s" max = "10s" }`, or `"2s:10s"`; the longest wait is four times the shortest unless given. */
function waitOf(fields: Fields, key: string): WaitSpec | undefined {
  if (!fields.has(key)) return undefined;
  const block = isBlock(fields, key);
  if (block === undefined)
    return parseWait(fields.text(key) ?? '', () => fields.fail(key, 'must be "MIN" or "MIN:MAX"'));
  const enabled = block.flag('enabled') ?? true;
  const minMs = block.durationMs('min') ?? 0;
  const maxMs = block.durationMs('max') ?? 4 * minMs;
  block.end();
  return enabled ? { minMs, maxMs } : { minMs: 0, maxMs: 0 };
}

function isBlock(fields: Fields, key: string): Fields | undefined {
  try {
    return fields.block(key);
  } catch {
    return undefined;
  }
}

export function parseWait(text: string, failure: () => Fault): WaitSpec {
  const [min = '', max] = text.split(':');
  const minMs = parseDuration(min);
  const maxMs = max === undefined ? (minMs ?? 0) * 4 : parseDuration(max);
  if (minMs === undefined || maxMs === undefined || maxMs < minMs) throw failure();
  return { minMs, maxMs };
}

function signal(fields: Fields, key: string): NodeJS.Signals | undefined {
  const name = fields.text(key);
  if (name === undefined || name === '') return undefined;
  return parseSignal(name, () => fields.fail(key, `is not a signal: ${JSON.stringify(name)}`));
}

export function parseSignal(name: string, failure: () => Fault): NodeJS.Signals {
  const full = name.startsWith('SIG') ? name : `SIG${name}`;
  if (!Object.hasOwn(constants.signals, full)) throw failure();
  return full as NodeJS.Signals;
}
