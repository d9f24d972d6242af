import type { ServerResponse } from 'node:http';
import type { TrafficDelta, TrafficModel } from '@portolan/core/traffic/model.ts';
import { noNames } from '@portolan/core/traffic/tables.ts';
import { type Audience, addDirty, type Dirty, dirtySize, encodeUpdate } from './encode.ts';
import type { SharedSnapshot } from './shared-snapshot.ts';

/**
 * Names that a reader may be behind by. More than a model has is only reached by names that come and go while the reader
 * stands still: then a new snapshot is cheaper for both.
 */
const maxBehind = 200_000;

/** How far one reader is. */
type State =
  /** The snapshot is being written; what changes meanwhile is kept. */
  | { readonly at: 'snapshot'; readonly snapshot: SharedSnapshot; next: number; readonly dirty: Dirty }
  /** It was told everything. */
  | { readonly at: 'in-step' }
  /** Its socket is full; the newest of `dirty` follows when it has drained. */
  | { readonly at: 'behind'; readonly dirty: Dirty }
  | { readonly at: 'closed' };

/** One reader of the stream protocol. */
export class TrafficStream {
  readonly #response: ServerResponse;
  readonly #model: TrafficModel;
  readonly audience: Audience;
  #state: State;

  /** Starts with the snapshot. `onClose` is called once, when the reader has gone or was cut. */
  constructor(
    response: ServerResponse,
    model: TrafficModel,
    told: { readonly snapshot: SharedSnapshot; readonly audience: Audience },
    onClose: () => void,
  ) {
    const { snapshot, audience } = told;
    this.audience = audience;
    this.#response = response;
    this.#model = model;
    this.#state = { at: 'snapshot', snapshot, next: 0, dirty: noNames() };
    response.on('drain', () => this.#drained());
    response.on('close', () => {
      this.#state = { at: 'closed' };
      onClose();
    });
    this.#drained();
  }

  /** `encoded` makes the message for those in step, once for all of them. */
  update(delta: TrafficDelta, encoded: () => Buffer): void {
    switch (this.#state.at) {
      case 'in-step':
        this.#write(encoded());
        return;
      case 'snapshot':
      case 'behind':
        addDirty(this.#state.dirty, delta);
        if (dirtySize(this.#state.dirty) > maxBehind) this.#response.destroy();
        return;
      case 'closed':
        return;
    }
  }

  heartbeat(): void {
    // One that is behind has bytes on their way: that is sign of life enough.
    if (this.#state.at === 'in-step') this.#write('\n');
  }

  end(): void {
    this.#response.end();
  }

  #drained(): void {
    if (this.#state.at === 'snapshot' && !this.#writeSnapshot(this.#state)) return;
    if (this.#state.at !== 'snapshot' && this.#state.at !== 'behind') return;
    const { dirty } = this.#state;
    this.#state = { at: 'in-step' };
    if (dirtySize(dirty) > 0) this.#write(encodeUpdate(this.#model, dirty, this.audience));
  }

  /** False: the socket is full and there is more. */
  #writeSnapshot(state: State & { at: 'snapshot' }): boolean {
    for (let piece = state.snapshot.piece(state.next); piece !== undefined; ) {
      state.next += 1;
      if (!this.#response.write(piece)) return false;
      piece = state.snapshot.piece(state.next);
    }
    return true;
  }

  #write(bytes: Buffer | string): void {
    if (!this.#response.write(bytes)) this.#state = { at: 'behind', dirty: noNames() };
  }
}
