import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Diagnostic } from '@portolan/core/traffic/model.ts';
import type { EdgeCertificate } from '@portolan/core/traffic/plan.ts';
import type { Logger } from 'pino';
import type { Part } from '../contract.ts';
import type { CertificateFiles } from './config.ts';
import { serverNamesOf } from './dns-names.ts';
import { type Pair, readPair } from './read-pair.ts';
import { selfSigned } from './self-signed.ts';

export interface EdgeCertificatesOptions {
  /** The first is the default's. None: one is made, and kept in `directory`. */
  readonly files: readonly CertificateFiles[];
  readonly directory: string;
  /** Host names and addresses for the one that is made. */
  readonly names: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  /** Others are to be shown from now on. */
  readonly onChange: () => void;
}

export interface EdgeCertificates extends Part {
  /** The same list until it changes: for `PlannerOptions.edgeCertificates`. */
  list(): readonly EdgeCertificate[];
}

/** Whoever writes two files takes a moment from one to the other. */
const settleMs = 200;
/** For file systems that tell nothing. */
const pollMs = 30_000;

/**
 * The gateway's own certificates. `start` refuses what cannot be served; later, when the files on disk change, what is good takes the place
 * of the old, and what is bad is told while the old stays.
 */
export function edgeCertificates(options: EdgeCertificatesOptions): EdgeCertificates {
  return new Certificates(options);
}

class Certificates implements EdgeCertificates {
  readonly name = 'certificates';
  readonly #options: EdgeCertificatesOptions;
  readonly #watchers: FSWatcher[] = [];
  #list: readonly EdgeCertificate[] = [];
  /** By the certificate's file. */
  readonly #problems = new Map<string, string>();
  #cancel: () => void = () => {};

  constructor(options: EdgeCertificatesOptions) {
    this.#options = options;
  }

  list(): readonly EdgeCertificate[] {
    return this.#list;
  }

  async start(): Promise<void> {
    const { files, directory, names, clock } = this.#options;
    if (files.length === 0) {
      this.#list = [certificateOf('self-signed', await selfSigned(directory, names, clock.wallMs()))];
      return;
    }
    this.#list = files.map((pair) => certificateOf(nameOf(pair), readPair(pair)));
    for (const watched of new Set(files.flatMap(({ cert, key }) => [dirname(cert), dirname(key)]))) {
      this.#watch(watched);
    }
    this.#lookAgain(pollMs);
  }

  async stop(): Promise<void> {
    this.#cancel();
    for (const watcher of this.#watchers) watcher.close();
  }

  diagnostics(): readonly Diagnostic[] {
    return [...this.#problems].map(([file, message]) => ({
      severity: 'error',
      code: 'bad-certificate-file',
      subject: `certificate/${file}`,
      message: `${message}; the last good one is still shown`,
    }));
  }

  /** The directory, for a file that is replaced is another file. */
  #watch(directory: string): void {
    try {
      const watcher = watch(directory, () => this.#lookAgain(settleMs));
      watcher.on('error', () => watcher.close());
      this.#watchers.push(watcher);
    } catch (cause) {
      this.#options.log.warn({ directory, err: cause }, 'certificates are looked at twice a minute only');
    }
  }

  #lookAgain(delayMs: number): void {
    this.#cancel();
    this.#cancel = this.#options.clock.after(delayMs, () => {
      this.#look();
      this.#lookAgain(pollMs);
    });
  }

  #look(): void {
    const { files, onChange, log } = this.#options;
    const before = this.#list;
    const after = files.map((pair, index) => this.#read(pair, before[index]));
    if (after.every((certificate, index) => certificate === before[index])) return;
    this.#list = after.flatMap((certificate) => certificate ?? []);
    log.info({ certificates: this.#list.map(({ name }) => name) }, 'certificates were exchanged');
    onChange();
  }

  #read(pair: CertificateFiles, before: EdgeCertificate | undefined): EdgeCertificate | undefined {
    try {
      const after = certificateOf(nameOf(pair), readPair(pair));
      this.#problems.delete(pair.cert);
      return before?.chain === after.chain && before.key === after.key ? before : after;
    } catch (thrown) {
      const { message } = Fault.from(thrown);
      if (this.#problems.get(pair.cert) !== message) {
        this.#options.log.error({ ...pair }, `${message}; the last good one is still shown`);
      }
      this.#problems.set(pair.cert, message);
      return before;
    }
  }
}

function nameOf({ cert }: CertificateFiles): string {
  return `file/${cert}`;
}

function certificateOf(name: string, { chain, key, leaf }: Pair): EdgeCertificate {
  return Object.freeze({ name, chain, key, serverNames: Object.freeze(serverNamesOf(leaf)) });
}
