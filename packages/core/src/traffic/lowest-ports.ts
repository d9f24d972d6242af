/**
 * Of the ports that are asked for, the lowest `max` are opened: which ones must not depend on who came first, because two servers
 * that read the same catalog in different order must agree.
 */
export interface LowestPorts {
  /** `port` is asked for (again) or no longer. */
  ask(port: number, asked: boolean): void;
  opens(port: number): boolean;
  /** The ports that open or close now because others came or went, since the last call. */
  moved(): readonly number[];
  clear(): void;
}

export function createLowestPorts(max: number): LowestPorts {
  const sorted: number[] = [];
  let lastBefore = Number.POSITIVE_INFINITY;
  const lastOpen = (): number => (max === 0 ? 0 : (sorted[max - 1] ?? Number.POSITIVE_INFINITY));

  return {
    ask(port, asked) {
      const at = place(sorted, port);
      const known = sorted[at] === port;
      if (asked && !known) sorted.splice(at, 0, port);
      else if (!asked && known) sorted.splice(at, 1);
    },
    opens: (port) => port <= lastOpen(),
    moved() {
      const [low, high] = [Math.min(lastBefore, lastOpen()), Math.max(lastBefore, lastOpen())];
      lastBefore = lastOpen();
      return low === high ? [] : sorted.slice(place(sorted, low + 1), place(sorted, high + 1));
    },
    clear() {
      sorted.length = 0;
      lastBefore = Number.POSITIVE_INFINITY;
    },
  };
}

/** The first place whose port is not below `wanted`. */
function place(sorted: readonly number[], wanted: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
