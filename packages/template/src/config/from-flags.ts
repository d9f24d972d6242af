import { Fault } from '@portolan/core/base/fault.ts';
import { commandLine } from '../run/command.ts';
import type { TemplateConfig, TemplateEntry } from './config.ts';
import { emptyConfig } from './config.ts';
import { parseDuration } from './fields.ts';
import { parseSignal, parseWait } from './from-object.ts';

/** What the command line says: paths of configurations, and a configuration of its own that wins over them. */
export interface TemplateArguments {
  readonly configs: readonly string[];
  readonly config: TemplateConfig;
  readonly help: boolean;
  readonly version: boolean;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
interface Draft {
  configs: string[];
  templates: TemplateEntry[];
  consul: Mutable<TemplateConfig['consul']>;
  tls: Mutable<NonNullable<NonNullable<TemplateConfig['consul']['tls']>>>;
  retry: Mutable<TemplateConfig['retry']>;
  exec: Mutable<TemplateConfig['exec']>;
  config: Mutable<TemplateConfig>;
  help: boolean;
  version: boolean;
}

interface Flag {
  readonly argument: string | undefined;
  readonly help: string;
  apply(draft: Draft, value: string): void;
}

/** consul-template's flags. Each may be written `-flag value`, `-flag=value` or with two dashes. */
export const templateFlags: ReadonlyMap<string, Flag> = new Map<string, Flag>([
  [
    'template',
    takes('IN:OUT[:COMMAND]', 'render IN to OUT and run COMMAND when it changed; may be repeated', (d, v) =>
      d.templates.push(templateArgument(v)),
    ),
  ],
  [
    'config',
    takes('PATH', 'a configuration file or a folder of them, HCL or JSON; may be repeated', (d, v) =>
      d.configs.push(v),
    ),
  ],
  [
    'once',
    is('render everything once and end', (d, on) => {
      d.config.once = on;
    }),
  ],
  [
    'dry',
    is('print to standard output instead of writing files and running commands', (d, on) => {
      d.config.dry = on;
    }),
  ],
  [
    'parse-only',
    is('only check that the templates parse', (d, on) => {
      d.config.parseOnly = on;
    }),
  ],
  [
    'wait',
    takes('MIN[:MAX]', 'render only after nothing changed for MIN, at the latest after MAX', (d, v) => {
      d.config.wait = parseWait(v, () => bad('wait', v, 'MIN or MIN:MAX, such as 2s:10s'));
    }),
  ],
  [
    'consul-addr',
    takes('ADDRESS', 'where the registry is (default 127.0.0.1:8500)', (d, v) => {
      d.consul.address = v;
    }),
  ],
  [
    'consul-token',
    takes('TOKEN', 'the ACL token', (d, v) => {
      d.consul.token = v;
    }),
  ],
  [
    'consul-token-file',
    takes('FILE', 'a file that holds the token', (d, v) => {
      d.consul.tokenFile = v;
    }),
  ],
  [
    'max-stale',
    takes('DURATION', 'ask the leader when an answer is older than this (default 2s)', (d, v) => {
      d.config.maxStaleMs = duration('max-stale', v);
    }),
  ],
  [
    'log-file',
    takes('FILE', 'also add what is reported to FILE', (d, v) => {
      d.config.logFile = v;
    }),
  ],
  [
    'template-error-fatal',
    is('end when a template fails, instead of keeping the last good file', (d, on) => {
      d.config.errorFatal = on;
    }),
  ],
  [
    'err-on-failed-lookup',
    is('end when a key is not there, instead of waiting for it', (d, on) => {
      d.config.failsOnNothing = on;
    }),
  ],
  ['consul-auth', takes('USER[:PASSWORD]', 'basic authentication', (d, v) => basic(d, v))],
  [
    'consul-retry',
    is('try again when the registry cannot be reached', (d, on) => {
      if (!on) d.retry.attempts = 1;
    }),
  ],
  [
    'consul-retry-attempts',
    takes('N', 'give up after N tries; 0 = never', (d, v) => {
      d.retry.attempts = whole('consul-retry-attempts', v);
    }),
  ],
  [
    'consul-retry-backoff',
    takes('DURATION', 'the first pause between tries', (d, v) => {
      d.retry.backoffMs = duration('consul-retry-backoff', v);
    }),
  ],
  [
    'consul-retry-max-backoff',
    takes('DURATION', 'the longest pause', (d, v) => {
      d.retry.maxBackoffMs = duration('consul-retry-max-backoff', v);
    }),
  ],
  [
    'consul-ssl',
    is('use TLS', (d, on) => {
      if (on) d.tls.verify ??= true;
    }),
  ],
  [
    'consul-ssl-verify',
    is('verify the certificate', (d, on) => {
      d.tls.verify = on;
    }),
  ],
  [
    'consul-ssl-ca-cert',
    takes('FILE', 'the CA certificate', (d, v) => {
      d.tls.caFile = v;
    }),
  ],
  [
    'consul-ssl-cert',
    takes('FILE', 'the client certificate', (d, v) => {
      d.tls.certFile = v;
    }),
  ],
  [
    'consul-ssl-key',
    takes('FILE', "the client certificate's key", (d, v) => {
      d.tls.keyFile = v;
    }),
  ],
  [
    'consul-ssl-server-name',
    takes('NAME', 'the name in the certificate', (d, v) => {
      d.tls.serverName = v;
    }),
  ],
  [
    'block-query-wait',
    takes('DURATION', 'how long a blocking query waits (default 60s)', (d, v) => {
      d.config.blockQueryWaitMs = duration('block-query-wait', v);
    }),
  ],
  [
    'exec',
    takes('COMMAND', 'run COMMAND, and tell it when files changed', (d, v) => {
      d.exec.command = commandLine([v]);
    }),
  ],
  [
    'exec-splay',
    takes('DURATION', 'wait a random part of this before telling it', (d, v) => {
      d.exec.splayMs = duration('exec-splay', v);
    }),
  ],
  [
    'exec-reload-signal',
    takes('SIGNAL', 'what it is sent; without one it is restarted', (d, v) => {
      d.exec.reloadSignal = signal('exec-reload-signal', v);
    }),
  ],
  [
    'exec-kill-signal',
    takes('SIGNAL', 'how it is asked to end (default SIGINT)', (d, v) => {
      d.exec.killSignal = signal('exec-kill-signal', v);
    }),
  ],
  [
    'exec-kill-timeout',
    takes('DURATION', 'how long it may take to end (default 30s)', (d, v) => {
      d.exec.killTimeoutMs = duration('exec-kill-timeout', v);
    }),
  ],
  [
    'reload-signal',
    takes('SIGNAL', 'on which everything is read again (default SIGHUP)', (d, v) => {
      d.config.reloadSignal = signal('reload-signal', v);
    }),
  ],
  [
    'kill-signal',
    takes('SIGNAL', 'on which to end (default SIGINT)', (d, v) => {
      d.config.killSignal = signal('kill-signal', v);
    }),
  ],
  [
    'log-level',
    takes('LEVEL', 'trace, debug, info, warn or err', (d, v) => {
      d.config.logLevel = v;
    }),
  ],
  [
    'pid-file',
    takes('FILE', 'where the process id is written', (d, v) => {
      d.config.pidFile = v;
    }),
  ],
  [
    'default-left-delimiter',
    takes('TEXT', 'instead of {{', (d, v) => {
      d.config.leftDelimiter = v;
    }),
  ],
  [
    'default-right-delimiter',
    takes('TEXT', 'instead of }}', (d, v) => {
      d.config.rightDelimiter = v;
    }),
  ],
  ...[
    'consul-namespace',
    'consul-transport-dial-keep-alive',
    'consul-transport-dial-timeout',
    'consul-transport-max-idle-conns-per-host',
    'consul-transport-tls-handshake-timeout',
    'consul-ssl-ca-path',
    'log-rotate-bytes',
    'log-rotate-duration',
    'log-rotate-max-files',
    'retry',
    'syslog-facility',
    'syslog-name',
    'vault-addr',
    'vault-token',
    'vault-grace',
    'dedup-prefix',
  ].map((name): [string, Flag] => [
    name,
    takes('VALUE', 'accepted, without effect here', (d) => {
      d.config.ignored = [...d.config.ignored, `-${name}`];
    }),
  ]),
  ...[
    'dedup',
    'syslog',
    'consul-transport-disable-keep-alives',
    'vault-renew-token',
    'vault-retry',
    'vault-ssl',
    'vault-unwrap-token',
  ].map((name): [string, Flag] => [
    name,
    is('accepted, without effect here', (d) => {
      d.config.ignored = [...d.config.ignored, `-${name}`];
    }),
  ]),
  [
    'help',
    is('this text', (d) => {
      d.help = true;
    }),
  ],
  [
    'h',
    is('this text', (d) => {
      d.help = true;
    }),
  ],
  [
    'version',
    is('the version', (d) => {
      d.version = true;
    }),
  ],
  [
    'v',
    is('the version', (d) => {
      d.version = true;
    }),
  ],
]);

/** Throws an `invalid` fault that names the flag. */
export function parseArguments(args: readonly string[]): TemplateArguments {
  const draft: Draft = {
    configs: [],
    templates: [],
    consul: {},
    tls: {},
    retry: {},
    exec: {},
    config: { ...emptyConfig },
    help: false,
    version: false,
  };
  for (let at = 0; at < args.length; at++) {
    const argument = args[at] ?? '';
    const match = /^--?([a-z][a-z-]*)(?:=(.*))?$/s.exec(argument);
    const [, name = '', inline] = match ?? [];
    const flag = templateFlags.get(name);
    if (flag === undefined)
      throw new Fault('invalid', `unknown argument ${JSON.stringify(argument)}; see portolan template -help`);
    if (flag.argument === undefined) flag.apply(draft, inline ?? 'true');
    else {
      const value = inline ?? args[++at];
      if (value === undefined)
        throw new Fault('invalid', `-${name} needs a value: -${name} ${flag.argument}`);
      flag.apply(draft, value);
    }
  }
  const tls = Object.keys(draft.tls).length === 0 ? {} : { tls: draft.tls };
  return {
    configs: draft.configs,
    config: {
      ...draft.config,
      templates: draft.templates,
      consul: { ...draft.consul, ...tls },
      retry: draft.retry,
      exec: draft.exec,
    },
    help: draft.help,
    version: draft.version,
  };
}

function takes(argument: string, help: string, apply: Flag['apply']): Flag {
  return { argument, help, apply };
}

function is(help: string, apply: (draft: Draft, on: boolean) => void): Flag {
  return {
    argument: undefined,
    help,
    apply: (draft, value) => apply(draft, value !== 'false' && value !== '0'),
  };
}

/** `IN:OUT:COMMAND`; the command may have colons of its own. */
function templateArgument(value: string): TemplateEntry {
  const [source = '', destination = '', ...command] = value.split(':');
  if (source === '') throw bad('template', value, 'IN:OUT[:COMMAND]');
  const line = command.join(':');
  return {
    source,
    contents: undefined,
    destination,
    ...(line === '' ? {} : { command: commandLine([line]) }),
  };
}

function basic(draft: Draft, value: string): void {
  const [username = '', ...password] = value.split(':');
  draft.consul.username = username;
  draft.consul.password = password.join(':');
}

function duration(flag: string, value: string): number {
  const parsed = parseDuration(value);
  if (parsed === undefined) throw bad(flag, value, 'a duration such as 10s');
  return parsed;
}

function whole(flag: string, value: string): number {
  if (!/^\d+$/.test(value)) throw bad(flag, value, 'a whole number');
  return Number(value);
}

function signal(flag: string, value: string): NodeJS.Signals {
  return parseSignal(value, () => bad(flag, value, 'a signal such as SIGHUP'));
}

function bad(flag: string, value: string, wanted: string): Fault {
  return new Fault('invalid', `-${flag} ${JSON.stringify(value)}: expected ${wanted}`);
}
