import { join, resolve } from 'node:path';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Bind } from '../../contract.ts';

/** As the user wrote it; an empty path is one that was not given. */
export interface NginxSettings {
  readonly run: boolean;
  readonly httpFile: string;
  readonly streamFile: string;
  readonly configFile: string;
  readonly pidFile: string;
  readonly reloadCommand: string;
  readonly binary: string;
  readonly listen: Bind | undefined;
  readonly balance: 'round-robin' | 'least-conn';
  readonly debounceMs: number;
  readonly followDns: boolean;
}

export interface NginxConfig {
  readonly layout: Layout;
  readonly reload: Reload;
  /** A name that is looked for in the path, or a path. */
  readonly binary: string;
  /** Where virtual hosts are served; TCP ports are opened on the same address. */
  readonly listen: Bind;
  /** For clusters that ask for nothing else. */
  readonly balance: 'round-robin' | 'least-conn';
  /** Changes that come within this of each other cost one reload. */
  readonly debounceMs: number;
  /** Endpoints are followed by DNS where nginx can, so that their changes cost no reload. */
  readonly followDns: boolean;
  /** Of ours alone: the last good configuration is kept here. */
  readonly stateDir: string;
}

/** Which files are ours. */
export type Layout =
  /** Parts that the nginx.conf of somebody else includes. */
  | { readonly kind: 'included'; readonly httpFile: string; readonly streamFile: string | undefined }
  /** The whole nginx.conf; `run`: nginx is our child. */
  | {
      readonly kind: 'whole';
      readonly file: string;
      readonly run: boolean;
      readonly pidFile: string;
    };

export type Reload =
  | { readonly kind: 'signal'; readonly pidFile: string }
  /** A line for /bin/sh, from the settings and nowhere else. */
  | { readonly kind: 'command'; readonly command: string };

/** A change waits no longer than this for others to come along, however many do. */
export const maxDelayMs = 2_000;

/** Undefined: the outlet is off. Throws an `invalid` fault for settings that do not go together. */
export function nginxConfig(settings: NginxSettings, dataDir: string): NginxConfig | undefined {
  const stateDir = resolve(dataDir, 'nginx');
  const layout = layoutOf(settings, stateDir);
  if (layout === undefined) return undefined;
  const { binary, balance, debounceMs, listen, followDns } = settings;
  if (listen === undefined || listen.port === 0) {
    throw invalid(
      'listen',
      'must be ADDR:PORT with a port of its own: nginx cannot be told to take a free one',
    );
  }
  const reload = reloadOf(settings, layout);
  return { layout, reload, binary, balance, debounceMs, followDns, listen, stateDir };
}

function layoutOf(settings: NginxSettings, stateDir: string): Layout | undefined {
  const { run, httpFile, streamFile, configFile } = settings;
  const included = httpFile !== '' || streamFile !== '';
  if (included && (run || configFile !== '')) {
    throw invalid(
      'http-file',
      'and nginx.stream-file are for an nginx.conf that is not ours: take them out, or take out nginx.run and nginx.config-file',
    );
  }
  if (included) {
    if (httpFile === '') throw invalid('http-file', 'must be given too when nginx.stream-file is');
    return {
      kind: 'included',
      httpFile: resolve(httpFile),
      streamFile: streamFile === '' ? undefined : resolve(streamFile),
    };
  }
  if (!run && configFile === '') return undefined;
  if (run && settings.reloadCommand !== '') {
    throw invalid('reload-command', 'is of no use when nginx.run is true: take one of them out');
  }
  return {
    kind: 'whole',
    file: configFile === '' ? join(stateDir, 'nginx.conf') : resolve(configFile),
    run,
    pidFile: settings.pidFile === '' ? join(stateDir, 'nginx.pid') : resolve(settings.pidFile),
  };
}

function reloadOf({ reloadCommand, pidFile }: NginxSettings, layout: Layout): Reload {
  if (reloadCommand !== '') return { kind: 'command', command: reloadCommand };
  const usual = layout.kind === 'whole' ? layout.pidFile : '/run/nginx.pid';
  return { kind: 'signal', pidFile: pidFile === '' ? usual : resolve(pidFile) };
}

function invalid(key: string, problem: string): Fault {
  return new Fault('invalid', `nginx.${key} ${problem}`, { path: `nginx.${key}` });
}
