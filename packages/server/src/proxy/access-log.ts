import { closeSync, openSync, write } from 'node:fs';
import type { Clock } from '@portolan/core/base/clock.ts';
import { type AccessEntry, type LineFormat, lineFormat } from './access-format.ts';

/** Where finished requests are noted. */
export interface AccessLog {
  note(entry: AccessEntry): void;
  /** Writes out what is held and stops. */
  close(): void;
}

export const noAccessLog: AccessLog = { note: () => undefined, close: () => undefined };

/** The log, and whoever looks at requests as they end. */
export class WatchedAccessLog implements AccessLog {
  readonly #log: AccessLog;
  /** Undefined: nobody looks. */
  watcher: ((entry: AccessEntry) => void) | undefined;

  constructor(log: AccessLog) {
    this.#log = log;
  }

  note(entry: AccessEntry): void {
    this.#log.note(entry);
    this.watcher?.(entry);
  }

  close(): void {
    this.#log.close();
  }
}

const flushAfterMs = 200;
/** Two of these: one fills while the other is written. Lines that find both full are dropped and counted, never held. */
const memoryBytes = 1_048_576;
const flushAtBytes = 131_072;
/** Longer than any line: head and target have limits, and an escaped octet takes six at most. */
const maxLineBytes = 131_072;

/** Lines, gathered and written a few times a second; a request never waits for the disk. */
export class FileAccessLog implements AccessLog {
  readonly #clock: Clock;
  readonly #fd: number;
  readonly #format: LineFormat;
  #filling = Buffer.allocUnsafeSlow(memoryBytes);
  #spare = Buffer.allocUnsafeSlow(memoryBytes);
  #used = 0;
  #writing = false;
  #closed = false;
  #cancel: (() => void) | undefined;
  #dropped = 0;

  /**
   * @param path of the file, appended to; or `stdout`
   * @param format as `lineFormat` has it
   */
  constructor(path: string, clock: Clock, format = 'json') {
    this.#clock = clock;
    this.#format = lineFormat(format);
    this.#fd = path === 'stdout' ? 1 : openSync(path, 'a', 0o640);
  }

  note(entry: AccessEntry): void {
    const line = `${this.#format(entry, this.#clock.wallMs())}\n`;
    if (line.length > Math.min(maxLineBytes, memoryBytes - this.#used)) {
      this.#dropped++;
      return;
    }
    this.#used += this.#filling.write(line, this.#used, 'latin1');
    if (this.#used >= flushAtBytes) this.#flush();
    else this.#cancel ??= this.#clock.after(flushAfterMs, () => this.#flush());
  }

  close(): void {
    this.#closed = true;
    this.#flush();
  }

  #flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#writing) return;
    if (this.#used === 0) {
      if (this.#closed && this.#fd > 2) closeSync(this.#fd);
      return;
    }
    const [batch, length] = [this.#filling, this.#used];
    this.#filling = this.#spare;
    this.#spare = batch;
    this.#used = this.#dropped === 0 ? 0 : this.#filling.write(`{"dropped":${this.#dropped}}\n`);
    this.#dropped = 0;
    this.#writing = true;
    this.#write(batch, 0, length);
  }

  #write(batch: Buffer, from: number, length: number): void {
    write(this.#fd, batch, from, length - from, null, (error, written) => {
      if (error === null && from + written < length) {
        this.#write(batch, from + written, length);
        return;
      }
      this.#writing = false;
      // A timer that ran meanwhile found the file busy.
      const due = this.#used > 0 && this.#cancel === undefined;
      if (due || this.#closed) this.#flush();
    });
  }
}
