import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '@portolan/core/base/fault.ts';
import { currentText, writeWhole } from '@portolan/template/run/file-writer.ts';

/** The configuration that nginx was last seen to run. */
export interface Good {
  readonly generation: string;
  /** Keys of the doors that it holds; ports, where a former version wrote them. */
  readonly ports: readonly (string | number)[];
  readonly files: Files;
}

/** Path to text; undefined: there is no such file. */
export type Files = Readonly<Record<string, string | undefined>>;

/** Kept in one file, so that it is whole whenever we are killed. */
export class LastGood {
  readonly #path: string;
  #current: Good | undefined;

  /** Reads what an earlier run of ours left. A file that cannot be read is one that is not there. */
  constructor(stateDir: string) {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    this.#path = join(stateDir, 'last-good.json');
    this.#current = parse(currentText(this.#path));
  }

  get current(): Good | undefined {
    return this.#current;
  }

  /** Throws a `Fault` when it cannot be kept on disk; in memory it is. */
  keep(good: Good): void {
    this.#current = good;
    writeWhole(this.#path, JSON.stringify(good), { mode: 0o600, createFolders: true, backup: false });
  }
}

function parse(text: string | undefined): Good | undefined {
  if (text === undefined) return undefined;
  try {
    const { generation, ports, files } = JSON.parse(text) as Partial<Good>;
    if (typeof generation !== 'string' || !Array.isArray(ports)) return undefined;
    return typeof files === 'object' && files !== null ? { generation, ports, files } : undefined;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw Fault.from(thrown);
  }
}

/** What is there now. */
export function currentFiles(paths: readonly string[]): Files {
  return Object.fromEntries(paths.map((path) => [path, currentText(path)]));
}

export function isThere(files: Files): boolean {
  return Object.entries(files).every(([path, text]) => currentText(path) === text);
}

/** Writes each file so that a reader sees it whole, old or new. A file that is so already is left alone. Throws a `Fault`. */
export function exchange(files: Files): void {
  for (const [path, text] of Object.entries(files)) {
    if (text === undefined) rmSync(path, { force: true });
    else if (currentText(path) !== text) writeWhole(path, text, whole);
  }
}

const whole = { mode: undefined, createFolders: true, backup: false };
