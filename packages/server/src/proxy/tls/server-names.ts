/**
 * Who serves a host name: the name itself, then `?.suffix` (exactly one more label), then the longest `*.suffix` (any depth), then `*`. Names are in lower
 * case.
 */
export class ServerNames<T> {
  readonly #byPattern = new Map<string, T>();

  /** The first one stays. */
  add(pattern: string, value: T): void {
    if (!this.#byPattern.has(pattern)) this.#byPattern.set(pattern, value);
  }

  get size(): number {
    return this.#byPattern.size;
  }

  /** @param name '' = none: only `*` is for it */
  find(name: string): T | undefined {
    const names = this.#byPattern;
    if (name === '') return names.get('*');
    const exact = names.get(name);
    if (exact !== undefined) return exact;
    const dot = name.indexOf('.');
    const one = dot === -1 ? undefined : names.get(`?${name.slice(dot)}`);
    if (one !== undefined) return one;
    for (let at = dot; at !== -1; at = name.indexOf('.', at + 1)) {
      const any = names.get(`*${name.slice(at)}`);
      if (any !== undefined) return any;
    }
    return names.get('*');
  }
}
