/** Lines around a change. */
const context = 3;
/** The table grows with the product of both; longer texts are shown as all removed and all added. */
const maxCells = 4_000_000;

interface Line {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
}

/** The difference of two texts in the unified format; no line where they are equal. Nothing to compare with is ''. */
export function unifiedDiff(
  before: string,
  after: string,
  names: { before: string; after: string },
): readonly string[] {
  const lines = compare(linesOf(before), linesOf(after));
  if (lines.every(({ sign }) => sign === ' ')) return [];
  return [`--- ${names.before}`, `+++ ${names.after}`, ...hunksOf(lines)];
}

function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** By the longest common subsequence of what is between the equal beginning and the equal end. */
function compare(before: readonly string[], after: readonly string[]): readonly Line[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  while (
    end < before.length - start &&
    end < after.length - start &&
    before[before.length - 1 - end] === after[after.length - 1 - end]
  )
    end += 1;
  const same = (texts: readonly string[]): Line[] => texts.map((text) => ({ sign: ' ', text }));
  return [
    ...same(before.slice(0, start)),
    ...middle(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...same(before.slice(before.length - end)),
  ];
}

function middle(before: readonly string[], after: readonly string[]): readonly Line[] {
  if (before.length * after.length > maxCells || before.length === 0 || after.length === 0) {
    return [
      ...before.map((text): Line => ({ sign: '-', text })),
      ...after.map((text): Line => ({ sign: '+', text })),
    ];
  }
  const lengths = commonLengths(before, after);
  const at = (row: number, column: number): number => lengths[row * (after.length + 1) + column] ?? 0;
  const lines: Line[] = [];
  let [row, column] = [0, 0];
  while (row < before.length || column < after.length) {
    if (row < before.length && column < after.length && before[row] === after[column]) {
      lines.push({ sign: ' ', text: before[row] ?? '' });
      row += 1;
      column += 1;
    } else if (
      row < before.length &&
      (column === after.length || at(row + 1, column) >= at(row, column + 1))
    ) {
      lines.push({ sign: '-', text: before[row] ?? '' });
      row += 1;
    } else {
      lines.push({ sign: '+', text: after[column] ?? '' });
      column += 1;
    }
  }
  return lines;
}

/** Of what follows each pair of places. */
function commonLengths(before: readonly string[], after: readonly string[]): Uint32Array {
  const width = after.length + 1;
  const lengths = new Uint32Array((before.length + 1) * width);
  for (let row = before.length - 1; row >= 0; row -= 1) {
    for (let column = after.length - 1; column >= 0; column -= 1) {
      const diagonal = lengths[(row + 1) * width + column + 1] ?? 0;
      const down = lengths[(row + 1) * width + column] ?? 0;
      const right = lengths[row * width + column + 1] ?? 0;
      lengths[row * width + column] = before[row] === after[column] ? diagonal + 1 : Math.max(down, right);
    }
  }
  return lengths;
}

function* hunksOf(lines: readonly Line[]): Generator<string> {
  let [beforeLine, afterLine] = [1, 1];
  let at = 0;
  while (at < lines.length) {
    const change = lines.findIndex(({ sign }, index) => index >= at && sign !== ' ');
    if (change === -1) return;
    const from = Math.max(at, change - context);
    let to = change;
    for (let index = change; index < lines.length && index <= to + context * 2; index += 1) {
      if (lines[index]?.sign !== ' ') to = index;
    }
    const end = Math.min(lines.length, to + context + 1);
    // What was passed over is the same in both.
    beforeLine += from - at;
    afterLine += from - at;
    const hunk = lines.slice(from, end);
    const removed = hunk.filter(({ sign }) => sign !== '+').length;
    const added = hunk.filter(({ sign }) => sign !== '-').length;
    yield `@@ -${place(beforeLine, removed)} +${place(afterLine, added)} @@`;
    for (const { sign, text } of hunk) yield sign + text;
    beforeLine += removed;
    afterLine += added;
    at = end;
  }
}

function place(line: number, count: number): string {
  if (count === 0) return `${line - 1},0`;
  return count === 1 ? String(line) : `${line},${count}`;
}
