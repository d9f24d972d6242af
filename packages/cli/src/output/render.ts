import type { Colors } from 'picocolors/types.js';
import type { Format } from './format.ts';
import { printable } from './printable.ts';
import { renderTable } from './table.ts';
import { renderYaml } from './yaml.ts';

/** How a list is shown. What `json` gives is the documented, stable shape. */
export interface ListView<Row> {
  readonly columns: readonly Column<Row>[];
  name(row: Row): string;
  json(row: Row): unknown;
}

export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => string;
  /** Only with `--output wide`. */
  readonly wide?: boolean;
  readonly paint?: (colors: Colors, row: Row, text: string) => string;
}

export interface RenderOptions {
  readonly format: Format;
  readonly headers: boolean;
  readonly colors: Colors;
}

export function renderList<Row>(rows: readonly Row[], view: ListView<Row>, options: RenderOptions): string {
  switch (options.format) {
    case 'json':
      return renderJson(rows.map((row) => view.json(row)));
    case 'yaml':
      return renderYaml(rows.map((row) => view.json(row)));
    case 'name':
      return rows.map((row) => `${printable(view.name(row))}\n`).join('');
    default:
      return renderColumns(rows, view, options);
  }
}

/** One thing: its fields below each other, or as an object. */
export function renderRecord(
  fields: readonly (readonly [string, string])[],
  json: unknown,
  name: string,
  options: RenderOptions,
): string {
  switch (options.format) {
    case 'json':
      return renderJson(json);
    case 'yaml':
      return renderYaml(json);
    case 'name':
      return `${printable(name)}\n`;
    default:
      return renderTable(fields, (text, _, column) => (column === 0 ? options.colors.dim(text) : text));
  }
}

function renderColumns<Row>(rows: readonly Row[], view: ListView<Row>, options: RenderOptions): string {
  const columns = view.columns.filter((column) => !column.wide || options.format === 'wide');
  const cells = rows.map((row) => columns.map((column) => column.of(row) || '-'));
  const heading = options.headers ? [columns.map(({ title }) => title)] : [];
  return renderTable([...heading, ...cells], (text, at, column) => {
    const row = rows[at - heading.length];
    if (row === undefined) return options.colors.bold(text);
    return columns[column]?.paint?.(options.colors, row, text) ?? text;
  });
}

export function renderJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
