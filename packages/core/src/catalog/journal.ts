/** Remembers how to take back what is written, while somebody has asked for it. */
export class Journal {
  readonly #undo: (() => void)[] = [];
  /** Whether it remembers: while it does not, nobody needs to tell it anything. */
  isOpen = false;

  open(): void {
    this.isOpen = true;
  }

  /** Stops, and forgets. */
  close(): void {
    this.isOpen = false;
    this.#undo.length = 0;
  }

  /** The place to which `back` can return. */
  get mark(): number {
    return this.#undo.length;
  }

  /** `undo` takes back what is written next. Only while open. */
  remember(undo: () => void): void {
    this.#undo.push(undo);
  }

  /** Sets or (undefined) deletes `key`. */
  write<V>(map: Map<string, V>, key: string, value: V | undefined): void {
    if (this.isOpen) {
      const before = map.get(key);
      this.#undo.push(() => assign(map, key, before));
    }
    assign(map, key, value);
  }

  /** Takes back all that was written since `mark`, newest first. */
  back(mark: number): void {
    while (this.#undo.length > mark) this.#undo.pop()?.();
  }
}

function assign<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
