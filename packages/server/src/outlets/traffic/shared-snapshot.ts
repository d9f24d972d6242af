import type { TrafficModel } from '@portolan/core/traffic/model.ts';
import { snapshotPieces } from './encode.ts';

/**
 * One encoding of the model for all who ask for it at the same revision: the workers of a gateway connect together, and a large model takes
 * longer to encode than to send. Encoded piece by piece, as far as the quickest reader has come.
 */
export class SharedSnapshot {
  readonly revision: number;
  readonly #rest: Iterator<string, undefined>;
  readonly #pieces: Buffer[] = [];

  constructor(model: TrafficModel) {
    this.revision = model.revision;
    this.#rest = snapshotPieces(model);
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
export function createSnapshots(model: () => TrafficModel): () => SharedSnapshot {
  let latest: WeakRef<SharedSnapshot> | undefined;
  return () => {
    const current = model();
    const known = latest?.deref();
    if (known?.revision === current.revision) return known;
    const made = new SharedSnapshot(current);
    latest = new WeakRef(made);
    return made;
  };
}
