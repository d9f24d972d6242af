import type { TrafficModel } from '@portolan/core/traffic/model.ts';
import { type Audience, snapshotPieces } from './encode.ts';

/**
 * One encoding of the model for all who ask for it at the same revision: the workers of a gateway connect together, and a large model takes
 * longer to encode than to send. Encoded piece by piece, as far as the quickest reader has come.
 */
export class SharedSnapshot {
  readonly revision: number;
  readonly #rest: Iterator<string, undefined>;
  readonly #pieces: Buffer[] = [];

  constructor(model: TrafficModel, audience: Audience) {
    this.revision = model.revision;
    this.#rest = snapshotPieces(model, audience);
  }

  /** Undefined after the last. */
  piece(index: number): Buffer | undefined {
    if (index === this.#pieces.length) {
      const next = this.#rest.next();
      if (next.done !== true) this.#pieces.push(Buffer.from(next.value));
    }
    return this.#pieces[index];
  }
}

/** Snapshots by the latest revision, kept only as long as some reader still reads one. */
export function createSnapshots(model: () => TrafficModel, audience: Audience): () => SharedSnapshot {
  let latest: WeakRef<SharedSnapshot> | undefined;
  return () => {
    const current = model();
    const known = latest?.deref();
    if (known?.revision === current.revision) return known;
    const made = new SharedSnapshot(current, audience);
    latest = new WeakRef(made);
    return made;
  };
}
