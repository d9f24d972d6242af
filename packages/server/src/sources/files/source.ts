import { Fault } from '@portolan/core/base/fault.ts';
import type { CatalogDelta } from '@portolan/core/catalog/reader.ts';
import type { Diagnostic } from '@portolan/core/traffic/model.ts';
import { subjectOfRule } from '@portolan/core/traffic/rules/contract.ts';
import type { Context, Part } from '../../contract.ts';
import { readAll } from '../../rules/apply.ts';
import { problemText } from '../../rules/problem.ts';
import type { ResourceKey } from '../../rules/read.ts';
import { type FilesConfig, limits } from './config.ts';
import { ownRules, type Refused, removeRules, surplusOf, writeRules } from './intents.ts';
import { readManifestFile, reasonOf, type Scan, scanDirectory } from './scan.ts';
import { type FileContent, type FileProblem, type Wanted, wantedOf } from './translate.ts';
import { type DirectoryWatch, watchDirectories } from './watch.ts';

export type FilesContext = Pick<Context, 'engine' | 'identity' | 'clock' | 'log' | 'serviceAddresses'>;

/**
 * Keeps the rules as the manifests in a directory have them. Undefined: turned off; what an earlier start took from files stays, and a
 * diagnostic says so.
 */
export function filesSource(context: FilesContext, config: FilesConfig | undefined): Part {
  return config === undefined ? turnedOff(context) : new FilesSource(context, config);
}

function turnedOff({ engine, identity }: FilesContext): Part {
  return {
    name: 'manifests',
    async start() {},
    async stop() {},
    diagnostics() {
      const { size } = ownRules(engine.view.catalog, identity.node);
      if (size === 0) return [];
      const message = `${size} rules came from files that are not read any more (setting manifests): they stay until they are deleted with --force, or the setting is back`;
      return [{ severity: 'warning', code: 'manifests-off', subject: 'manifests', message }];
    },
  };
}

/** A file as it was read the last time. */
interface Read {
  readonly print: string;
  readonly content: FileContent;
}

class FilesSource implements Part {
  readonly name = 'manifests';
  readonly #context: FilesContext;
  readonly #config: FilesConfig;
  readonly #watch: DirectoryWatch;
  readonly #stop = new AbortController();
  /** By path. */
  #read: ReadonlyMap<string, Read> = new Map();
  /** The directory in which files were found; undefined: not yet. */
  #identity: string | undefined;
  #wanted: Wanted | undefined;
  #diagnostics: readonly Diagnostic[] = [];
  #told: ReadonlySet<string> = new Set();
  #running: Promise<void> | undefined;
  #again = false;
  #unsubscribe = (): void => {};

  constructor(context: FilesContext, config: FilesConfig) {
    this.#context = context;
    this.#config = config;
    this.#watch = watchDirectories(
      context.clock,
      () => this.#look(),
      (error) => context.log.debug({ err: error }, 'a directory of manifests is not watched, only looked at'),
    );
  }

  async start(): Promise<void> {
    this.#look();
    await this.#running;
    this.#unsubscribe = this.#context.engine.subscribe((delta) => {
      if (this.#lost(delta)) this.#look(true);
    });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#unsubscribe();
    this.#watch.close();
    await this.#running;
  }

  diagnostics(): readonly Diagnostic[] {
    return this.#diagnostics;
  }

  /** Whether somebody else changed a rule that the files want. */
  #lost({ ruleKeys }: CatalogDelta): boolean {
    if (this.#wanted === undefined || this.#running !== undefined) return false;
    for (const key of ruleKeys) if (this.#wanted.rules.has(key)) return true;
    return false;
  }

  /** @param anyway also where no file has changed */
  #look(anyway = false): void {
    if (this.#stop.signal.aborted) return;
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    this.#again = false;
    this.#running = this.#pass(anyway).finally(() => {
      this.#running = undefined;
      if (this.#again) this.#look(true);
    });
  }

  /** One look at everything. Never rejects. */
  async #pass(anyway: boolean): Promise<void> {
    const { directory } = this.#config;
    let directories: ReadonlyMap<string, string> = new Map();
    try {
      const scan = await scanDirectory(directory);
      directories = scan.directories;
      await this.#take(scan, anyway);
    } catch (thrown) {
      const fault = Fault.from(thrown);
      // Nothing is known, so nothing is taken away.
      this.#report([
        { severity: 'error', code: 'manifests-unavailable', subject: directory, message: fault.message },
      ]);
      this.#wanted = undefined;
    } finally {
      this.#watch.set(directories);
    }
  }

  async #take(scan: Scan, anyway: boolean): Promise<void> {
    const { engine, identity } = this.#context;
    const before = this.#read;
    const read = await this.#readFiles(scan);
    const changed = read.size !== before.size || [...read].some(([path, one]) => before.get(path) !== one);
    if (!changed && !anyway && this.#wanted !== undefined && scan.unreadable.size === 0) return;
    this.#read = read;
    const wanted = wantedOf(Array.from(read.values(), ({ content }) => content));
    const own = ownRules(engine.view.catalog, identity.node);
    if (scan.files.length > 0) this.#identity = scan.identity;
    else if (own.size > 0 && this.#identity !== scan.identity) {
      this.#report([this.#suspicious(own.size)]);
      return;
    }
    const refused = await this.#write(wanted);
    await this.#remove(surplusOf(own, wanted, scan.unreadable.keys()));
    this.#wanted = wanted;
    this.#report([
      ...Array.from(scan.unreadable, ([path, reason]) => unreadable(path, reason)),
      ...wanted.problems.flatMap(diagnosticOf),
      ...refused.map(refusalOf),
    ]);
  }

  /** A directory without a single manifest, where there were some, is more likely a mount that is missing. */
  #suspicious(count: number): Diagnostic {
    const { directory } = this.#config;
    const message = `${directory} holds no manifest, and ${count} rules came from files: they stay; put a manifest there, or delete them with --force`;
    return { severity: 'error', code: 'manifests-empty', subject: directory, message };
  }

  async #readFiles({ files }: Scan): Promise<ReadonlyMap<string, Read>> {
    const read = new Map<string, Read>();
    let bytes = 0;
    for (const { path, print } of files) {
      const before = this.#read.get(path);
      bytes += Number(print.split(':')[2]);
      if (bytes > limits.maxBytes) {
        read.set(path, {
          print: '',
          content: { path, reason: `is not read: all together have more than ${limits.maxBytes} bytes` },
        });
      } else
        read.set(path, before?.print === print ? before : { print, content: await this.#readFile(path) });
    }
    return read;
  }

  async #readFile(path: string): Promise<FileContent> {
    try {
      const text = await readManifestFile(path);
      return { path, resources: await readAll(text, { file: path, nowMs: this.#context.clock.wallMs() }) };
    } catch (thrown) {
      const reason = thrown instanceof Fault ? thrown.message : `cannot be read: ${reasonOf(thrown)}`;
      return { path, reason };
    }
  }

  async #write({ rules }: Wanted): Promise<readonly Refused[]> {
    const { engine, identity, clock, log, serviceAddresses } = this.#context;
    const all = [...rules.values()];
    const refused: Refused[] = [];
    let changed = 0;
    for (let at = 0; at < all.length; at += limits.maxWritesAtOnce) {
      const some = all.slice(at, at + limits.maxWritesAtOnce);
      const result = await engine.submit(writeRules(some, identity.node, clock.wallMs(), serviceAddresses));
      refused.push(...result.refused);
      changed += result.changed;
    }
    if (changed > 0) log.info({ rules: changed }, 'rules were written from manifests');
    return refused;
  }

  async #remove(records: ReturnType<typeof surplusOf>): Promise<void> {
    if (records.length === 0) return;
    const { engine, identity, clock, log } = this.#context;
    const rules = await engine.submit(removeRules(records, identity.node, clock.wallMs()));
    log.info({ rules }, 'rules were removed: no manifest has them any more');
  }

  #report(found: readonly Diagnostic[]): void {
    const { log } = this.#context;
    this.#diagnostics = Object.freeze(found.slice(0, limits.maxDiagnostics));
    const told = new Set<string>();
    for (const { severity, code, subject, message } of this.#diagnostics) {
      const line = `${subject}: ${message}`;
      told.add(line);
      if (severity === 'error' && !this.#told.has(line)) log.warn({ code, subject }, message);
    }
    this.#told = told;
  }
}

function unreadable(path: string, reason: string): Diagnostic {
  const message = `cannot be read (${reason}): what came from there stays`;
  return { severity: 'error', code: 'manifest-unreadable', subject: path, message };
}

function diagnosticOf({ problem, key, path }: FileProblem): readonly Diagnostic[] {
  if (problem.severity === 'info') return [];
  return [
    {
      severity: problem.severity,
      code: `manifest-${problem.code}`,
      subject: subjectOf(key) ?? path,
      message: problemText(problem),
      ...(problem.path === undefined ? {} : { path: problem.path }),
    },
  ];
}

function refusalOf({ rule, fault }: Refused): Diagnostic {
  return {
    severity: 'error',
    code: 'manifest-not-taken',
    subject: subjectOf(rule.key) ?? rule.path,
    message: `${rule.path}:${rule.line}: ${fault.message}`,
  };
}

function subjectOf(key: ResourceKey | undefined): string | undefined {
  return key && subjectOfRule({ ruleKind: key.kind, namespace: key.namespace, name: key.name });
}
