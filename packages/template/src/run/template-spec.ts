import type { Delimiters } from '../language/tokens.ts';
import type { Owner } from './accounts.ts';
import type { CommandLine } from './command.ts';

/** One template: where its text comes from, where its result goes, and what is done when that changed. */
export interface TemplateSpec {
  /** For messages: the source's path, or `(contents)`. */
  readonly name: string;
  readonly text: string;
  /** Absent only with `dry`, or where the text is just printed. */
  readonly destination: string;
  readonly mode: number | undefined;
  readonly createFolders: boolean;
  readonly backup: boolean;
  readonly command: CommandLine | undefined;
  readonly commandTimeoutMs: number;
  readonly wait: WaitSpec;
  readonly missingKey: 'default' | 'error';
  readonly delimiters: Delimiters | undefined;
  readonly deniedFunctions: readonly string[];
  /** `file` reads only below this folder. */
  readonly sandboxPath: string | undefined;
  /** A rendering that fails ends everything, instead of keeping the last good file. */
  readonly errorFatal: boolean;
  readonly owner: Owner | undefined;
}

/** Quiescence: rendering waits until nothing changed for `minMs`, but no longer than `maxMs` after the first change. */
export interface WaitSpec {
  readonly minMs: number;
  readonly maxMs: number;
}

export const noWait: WaitSpec = { minMs: 0, maxMs: 0 };

/** consul-template's default for commands. */
export const defaultCommandTimeoutMs = 30_000;

export const plainTemplate: Omit<TemplateSpec, 'name' | 'text' | 'destination'> = {
  mode: undefined,
  createFolders: true,
  backup: false,
  command: undefined,
  commandTimeoutMs: defaultCommandTimeoutMs,
  wait: noWait,
  missingKey: 'default',
  delimiters: undefined,
  deniedFunctions: [],
  sandboxPath: undefined,
  errorFatal: false,
  owner: undefined,
};
