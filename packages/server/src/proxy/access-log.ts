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

const flushAfterMs = 200;
const flushAtChars = 65_536;
/** When the disk does not keep up, entries are dropped and counted rather than held without end. */
const maxHeldChars = 4_194_304;

/** JSON lines, gathered and written a few times a second; a request never waits for the disk. */
export class FileAccessLog implements AccessLog {
  readonly #clock: Clock;
  readonly #fd: number;
  #held = '';
  #writing = false;
  #closed = false;
  #cancel: (() => void) | undefined;
  #dropped = 0;

  /** @param path of the file, appended to; or `stdout` */
  constructor(path: string, clock: Clock) {
    this.#clock = clock;
    this.#fd = path === 'stdout' ? 1 : openSync(path, 'a', 0o640);
  }

  note(entry: AccessEntry): void {
    if (this.#held.length > maxHeldChars) {
      this.#dropped++;
      return;
    }
    this.#held += this.#line(entry);
    if (this.#held.length >= flushAtChars) this.#flush();
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
    if (this.#held === '') {
      if (this.#closed && this.#fd > 2) closeSync(this.#fd);
      return;
    }
    const batch = Buffer.from(this.#held, 'latin1');
    this.#held = this.#dropped === 0 ? '' : `{"dropped":${this.#dropped}}\n`;
    this.#dropped = 0;
    this.#writing = true;
    this.#write(batch, 0);
  }

  #write(batch: Buffer, from: number): void {
    write(this.#fd, batch, from, batch.length - from, null, (error, written) => {
      if (error === null && from + written < batch.length) {
        this.#write(batch, from + written);
        return;
      }
      this.#writing = false;
      if (this.#held !== '' || this.#closed) this.#flush();
    });
  }

  #line(entry: AccessEntry): string {
    const time = new Date(this.#clock.wallMs()).toISOString();
    return (
      `{"time":"${time}","method":"${entry.method}","host":"${entry.host}","path":${quoted(entry.path)},` +
      `"status":${entry.status},"durationMs":${entry.durationMs.toFixed(3)},"requestBytes":${entry.requestBytes},` +
      `"responseBytes":${entry.responseBytes},"client":"${entry.client}","requestId":"${entry.requestId}",` +
      `"userAgent":${quoted(entry.userAgent)},"cluster":${quoted(entry.cluster)},"upstream":"${entry.upstream}",` +
      `"tries":${entry.tries},"flag":"${entry.flag}"}\n`
    );
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

export const noAccessLog: AccessLog = { note: () => undefined, close: () => undefined };
