import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import type { TrafficMessage } from '@portolan/core/traffic/model.ts';
import { parseTrafficMessage } from './traffic-message.ts';

/** Changes within this time are written once. */
const debounceMs = 500;
/** The first model after the start is likely the one on disk already, and just then there is more urgent work. */
const firstPauseMs = 3_000;
/** Of the time, at most one part in so many goes into writing, however large the model is. */
const restFactor = 20;
/** Written at once: a large model must not hold up the process. */
const pieceLength = 256 * 1024;

/** The last good model on disk, so that a data plane that starts while the control plane is away goes on as before. */
export class ModelFile {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #onTrouble: (fault: Fault) => void;
  #cancel: (() => void) | undefined;
  #source: (() => TrafficMessage) | undefined;
  #writing: Promise<void> = Promise.resolve();
  #pauseMs = firstPauseMs;

  constructor(path: string, clock: Clock, onTrouble: (fault: Fault) => void) {
    this.#path = path;
    this.#clock = clock;
    this.#onTrouble = onTrouble;
  }

  /** Writes what `source` gives, soon. */
  save(source: () => TrafficMessage): void {
    this.#source = source;
    this.#cancel ??= this.#clock.after(this.#pauseMs, () => this.#write());
  }

  /** Writes at once what is still to be written. */
  async flush(): Promise<void> {
    if (this.#cancel !== undefined) this.#write();
    await this.#writing;
  }

  #write(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const message = this.#source?.();
    if (message === undefined) return;
    this.#writing = this.#writing
      .then(async () => {
        const startMs = this.#clock.monotonicMs();
        await replaceFile(this.#path, piecesOf(message));
        this.#pauseMs = Math.max(debounceMs, (this.#clock.monotonicMs() - startMs) * restFactor);
      })
      .catch((thrown) => this.#onTrouble(Fault.from(thrown)));
  }
}

/** The model that a former run left; undefined when there is none, or none that can be read. */
export function readModelFile(path: string): TrafficMessage | undefined {
  try {
    return parseTrafficMessage(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** The file holds the old content or the new, whenever the machine stops. */
async function replaceFile(path: string, pieces: Iterable<string>): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  mkdirSync(dirname(path), { recursive: true });
  try {
    const file = await open(temporary, 'w', 0o600);
    try {
      for (const piece of pieces) await file.write(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    renameSync(temporary, path);
  } catch (thrown) {
    rmSync(temporary, { force: true });
    throw thrown;
  }
}

/** The message as JSON. What it lists is frozen, so that it may change under way. */
function* piecesOf({ type, revision, ...kinds }: TrafficMessage): Iterable<string> {
  let piece = `{"type":"${type}","revision":${revision}`;
  for (const [kind, { put, remove }] of Object.entries(kinds)) {
    piece += `,"${kind}":{"remove":${JSON.stringify(remove)},"put":[`;
    let separator = '';
    for (const resource of put) {
      piece += separator + JSON.stringify(resource);
      separator = ',';
      if (piece.length < pieceLength) continue;
      yield piece;
      piece = '';
    }
    piece += ']}';
  }
  yield `${piece}}\n`;
}
