import type { ConsulAddress } from '../data/consul-address.ts';
import type { RetryPolicy } from '../data/watched-data.ts';
import type { CommandLine } from '../run/command.ts';
import type { TemplateSpec, WaitSpec } from '../run/template-spec.ts';

/** A template whose text may still have to be read, and whose unset fields take the defaults of the whole configuration. */
export type TemplateEntry = { readonly source: string | undefined; readonly contents: string | undefined } & {
  readonly destination: string;
  /** Names or numbers. */
  readonly user?: string;
  readonly group?: string;
} & Partial<Omit<TemplateSpec, 'name' | 'text' | 'destination' | 'owner'>>;

export interface ExecConfig {
  readonly command: CommandLine;
  readonly splayMs: number;
  readonly reloadSignal: NodeJS.Signals | undefined;
  readonly killSignal: NodeJS.Signals;
  readonly killTimeoutMs: number;
  readonly environment: {
    /** Only these (patterns with `*`); undefined: all. */
    readonly allow: readonly string[] | undefined;
    readonly deny: readonly string[];
    readonly custom: readonly string[];
    /** Nothing is inherited. */
    readonly pristine: boolean;
  };
}

/** What one file or the flags say; a later one wins key by key, and templates add up. */
export interface TemplateConfig {
  readonly consul: Partial<ConsulAddress>;
  readonly retry: Partial<RetryPolicy>;
  readonly templates: readonly TemplateEntry[];
  readonly exec: Partial<ExecConfig>;
  readonly wait: WaitSpec | undefined;
  readonly once: boolean | undefined;
  readonly dry: boolean | undefined;
  readonly parseOnly: boolean | undefined;
  readonly blockQueryWaitMs: number | undefined;
  readonly logLevel: string | undefined;
  /** What is reported is also added to this file. */
  readonly logFile: string | undefined;
  /** Answers older than this are asked again of the leader; 0: always the leader. */
  readonly maxStaleMs: number | undefined;
  /** For every template that does not say it itself. */
  readonly errorFatal: boolean | undefined;
  readonly failsOnNothing: boolean | undefined;
  readonly pidFile: string | undefined;
  readonly reloadSignal: NodeJS.Signals | undefined;
  readonly killSignal: NodeJS.Signals | undefined;
  readonly leftDelimiter: string | undefined;
  readonly rightDelimiter: string | undefined;
  /** Settings that are understood and have no effect here, for one line in the log. */
  readonly ignored: readonly string[];
}

export const emptyConfig: TemplateConfig = {
  consul: {},
  retry: {},
  templates: [],
  exec: {},
  wait: undefined,
  once: undefined,
  dry: undefined,
  parseOnly: undefined,
  blockQueryWaitMs: undefined,
  logLevel: undefined,
  logFile: undefined,
  maxStaleMs: undefined,
  errorFatal: undefined,
  failsOnNothing: undefined,
  pidFile: undefined,
  reloadSignal: undefined,
  killSignal: undefined,
  leftDelimiter: undefined,
  rightDelimiter: undefined,
  ignored: [],
};

export function mergeConfigs(configs: readonly TemplateConfig[]): TemplateConfig {
  return configs.reduce(
    (base, over) => ({
      consul: { ...base.consul, ...over.consul },
      retry: { ...base.retry, ...over.retry },
      templates: [...base.templates, ...over.templates],
      exec: { ...base.exec, ...over.exec },
      wait: over.wait ?? base.wait,
      once: over.once ?? base.once,
      dry: over.dry ?? base.dry,
      parseOnly: over.parseOnly ?? base.parseOnly,
      blockQueryWaitMs: over.blockQueryWaitMs ?? base.blockQueryWaitMs,
      logLevel: over.logLevel ?? base.logLevel,
      logFile: over.logFile ?? base.logFile,
      maxStaleMs: over.maxStaleMs ?? base.maxStaleMs,
      errorFatal: over.errorFatal ?? base.errorFatal,
      failsOnNothing: over.failsOnNothing ?? base.failsOnNothing,
      pidFile: over.pidFile ?? base.pidFile,
      reloadSignal: over.reloadSignal ?? base.reloadSignal,
      killSignal: over.killSignal ?? base.killSignal,
      leftDelimiter: over.leftDelimiter ?? base.leftDelimiter,
      rightDelimiter: over.rightDelimiter ?? base.rightDelimiter,
      ignored: [...base.ignored, ...over.ignored],
    }),
    emptyConfig,
  );
}
