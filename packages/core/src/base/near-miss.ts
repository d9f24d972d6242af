/** `; did you mean "x"?` for the nearest of `known` within two typing errors, else ''. */
export function didYouMean(given: string, known: Iterable<string>): string {
  const best = nearest(given, known);
  return best === undefined ? '' : `; did you mean ${best}?`;
}

/** The nearest of `known` within two typing errors (case does not count). Nothing is near to what is longer than 64 characters. */
export function nearest(given: string, known: Iterable<string>): string | undefined {
  if (given.length > maxLength) return undefined;
  let best: string | undefined;
  // Of a short word, two errors leave nothing.
  let bestDistance = (given.length > 4 ? maxDistance : 1) + 1;
  for (const candidate of known) {
    const distance = editDistance(given.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

const maxDistance = 2;

/** The table grows with the square of it, and nobody types longer names. */
const maxLength = 64;

/** Insertions, deletions, replacements and exchanges of neighbours (optimal string alignment). */
function editDistance(left: string, right: string): number {
  if (Math.abs(left.length - right.length) > maxDistance) return maxDistance + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (same ? 0 : 1),
      );
      const exchanged = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (row > 1 && column > 1 && exchanged) cost = Math.min(cost, at(beforeLast, column - 2) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return at(last, right.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? maxDistance + 1;
}
