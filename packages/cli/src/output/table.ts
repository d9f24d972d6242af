import { printable } from './printable.ts';

/** Cells of text; the first row is the heading unless there is none. Columns are two spaces apart, nothing trails. */
export function renderTable(
  rows: readonly (readonly string[])[],
  paint: (text: string, row: number, column: number) => string = (text) => text,
): string {
  const clean = rows.map((row) => row.map(printable));
  const widths: number[] = [];
  for (const row of clean) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
    }
  }
  const line = (row: readonly string[], at: number): string =>
    row
      .map((cell, column) => {
        // The last column is not padded, and padding is not painted.
        const missing = column === row.length - 1 ? 0 : (widths[column] ?? 0) - widthOf(cell);
        return paint(cell, at, column) + ' '.repeat(missing);
      })
      .join('  ')
      .trimEnd();
  return clean.map((row, at) => `${line(row, at)}\n`).join('');
}

/** Code points: near enough for names. */
function widthOf(text: string): number {
  return Array.from(text).length;
}
