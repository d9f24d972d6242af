/**
 * Remembers what maps held before they were written, while somebody has asked for it, so that all of it can be taken back.
 */
export class Journal {
  readonly #past: { map: Map<string, unknown>; key: string; value: unknown }[] = [];
  #open = false;

  /** Starts to remember. */
  open(): void {
    this.#open = true;
  }

  /** Stops, and forgets. */
  close(): void {
    this.#open = false;
    this.#past.length = 0;
  }

  /** The place to which `back` can return. */
  get mark(): number {
    return this.#past.length;
  }

  /** Sets or (undefined) deletes `key`. */
  write<V>(map: Map<string, V>, key: string, value: V | undefined): void {
    if (this.#open) this.#past.push({ map, key, value: map.get(key) });
    assign(map, key, value);
  }

  /** Takes back all that was written since `mark`, newest first. */
  back(mark: number): void {
    while (this.#past.length > mark) {
      const last = this.#past.pop();
      if (last !== undefined) assign(last.map, last.key, last.value);
    }
  }
}

function assign<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
