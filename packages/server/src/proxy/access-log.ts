import { closeSync, openSync, write } from 'node:fs';
import type { Clock } from '@portolan/core/base/clock.ts';

/** What is known of a request when it is over. */
export interface AccessEntry {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  /** 0: the client got no response. */
  readonly status: number;
  /** Of the bodies. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationMs: number;
  readonly client: string;
  readonly requestId: string;
  readonly userAgent: string;
  readonly cluster: string;
  /** `address:port` of the last one asked, or empty. */
  readonly upstream: string;
  readonly tries: number;
  /** Why it went otherwise than it should; empty when it did not. Stable codes. */
  readonly flag: string;
}

/** Where finished requests are noted. */
export interface AccessLog {
  note(entry: AccessEntry): void;
  /** Writes out what is held and stops. */
  close(): void;
}

export const noAccessLog: AccessLog = { note: () => undefined, close: () => undefined };

const flushAfterMs = 200;
/** Two of these: one fills while the other is written. Lines that find both full are dropped and counted, never held. */
const memoryBytes = 1_048_576;
const flushAtBytes = 131_072;
/** Longer than any line: head and target have limits, and an escaped octet takes six. */
const maxLineBytes = 131_072;

/** JSON lines, gathered and written a few times a second; a request never waits for the disk. */
export class FileAccessLog implements AccessLog {
  readonly #clock: Clock;
  readonly #fd: number;
  #filling = Buffer.allocUnsafeSlow(memoryBytes);
  #spare = Buffer.allocUnsafeSlow(memoryBytes);
  #used = 0;
  #writing = false;
  #closed = false;
  #cancel: (() => void) | undefined;
  #dropped = 0;
  #second = -1;
  #secondText = '';

  /** @param path of the file, appended to; or `stdout` */
  constructor(path: string, clock: Clock) {
    this.#clock = clock;
    this.#fd = path === 'stdout' ? 1 : openSync(path, 'a', 0o640);
  }

  note(entry: AccessEntry): void {
    const line = this.#line(entry);
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

  #line(entry: AccessEntry): string {
    return (
      `{"time":"${this.#time()}","method":"${entry.method}","host":"${entry.host}","path":${quoted(entry.path)},` +
      `"status":${entry.status},"durationMs":${Math.round(entry.durationMs * 1_000) / 1_000},` +
      `"requestBytes":${entry.requestBytes},"responseBytes":${entry.responseBytes},"client":"${entry.client}",` +
      `"requestId":"${entry.requestId}","userAgent":${quoted(entry.userAgent)},"cluster":${quoted(entry.cluster)},` +
      `"upstream":"${entry.upstream}","tries":${entry.tries},"flag":"${entry.flag}"}\n`
    );
  }

  /** RFC 3339, UTC. All but the milliseconds is made once a second. */
  #time(): string {
    const wallMs = Math.floor(this.#clock.wallMs());
    const second = Math.floor(wallMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = new Date(second * 1_000).toISOString().slice(0, -4);
    }
    return `${this.#secondText}${String(wallMs - second * 1_000).padStart(3, '0')}Z`;
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what JSON must escape
const needsEscape = /["\\\u0000-\u001f\u0080-\uffff]/;

function quoted(text: string): string {
  return needsEscape.test(text) ? escaped(text) : `"${text}"`;
}

/** JSON in ASCII, so that the log is UTF-8 whatever octets a client sent. */
function escaped(text: string): string {
  return JSON.stringify(text).replace(
    /[\u0080-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
