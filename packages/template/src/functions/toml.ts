/**
 * Plain data as TOML: values first, then tables. Source: https://toml.io/en/v1.0.0. Throws for what TOML has no form for: a document
 * that is no map, null in a list.
 */
export function toToml(value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('toTOML: the value must be a map');
  }
  return tableBody(value as Readonly<Record<string, unknown>>, []).trim();
}

type Table = Readonly<Record<string, unknown>>;

function tableBody(table: Table, path: readonly string[]): string {
  const entries = Object.entries(table).filter(([, value]) => value !== null && value !== undefined);
  const isTables = (value: unknown): boolean => isTable(value) || isTableList(value);
  const values = entries
    .filter(([, value]) => !isTables(value))
    .map(([key, value]) => `${name(key)} = ${inline(value)}\n`);
  const tables = entries
    .filter(([, value]) => isTables(value))
    .map(([key, value]) => subTables(value, [...path, key]));
  return values.join('') + tables.join('');
}

function subTables(value: unknown, path: readonly string[]): string {
  const title = path.map(name).join('.');
  if (isTableList(value)) return value.map((item) => `\n[[${title}]]\n${tableBody(item, path)}`).join('');
  return `\n[${title}]\n${tableBody(value as Table, path)}`;
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTableList(value: unknown): value is readonly Table[] {
  return Array.isArray(value) && value.length > 0 && value.every(isTable);
}

function name(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key);
}

function inline(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return Number.isInteger(value) ? `${value}` : String(value);
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (isTable(value))
    return `{ ${Object.entries(value)
      .map(([key, item]) => `${name(key)} = ${inline(item)}`)
      .join(', ')} }`;
  throw new Error('toTOML: null has no form in a list');
}
