import { Float } from '../language/values.ts';

/**
 * Plain data (and floats) as TOML: values first, then tables, each level two spaces further in. A value that is no map stands
 * alone. Source: https://toml.io/en/v1.0.0. Throws for what TOML has no form for: null in a list.
 */
export function toToml(value: unknown): string {
  return (isTable(value) ? tableBody(value, []) : inline(value)).trim();
}

type Table = ReadonlyMap<string, unknown>;

function tableBody(table: Table, path: readonly string[]): string {
  const entries = [...table].filter(([, value]) => value !== null && value !== undefined);
  const isTables = (value: unknown): boolean => isTable(value) || isTableList(value);
  const values = entries
    .filter(([, value]) => !isTables(value))
    .map(([key, value]) => `${margin(path.length)}${name(key)} = ${inline(value)}\n`);
  const tables = entries
    .filter(([, value]) => isTables(value))
    .map(([key, value]) => subTables(value, [...path, key]));
  return values.join('') + tables.join('');
}

function subTables(value: unknown, path: readonly string[]): string {
  const before = (path.length === 1 ? '\n' : '') + margin(path.length - 1);
  const title = path.map(name).join('.');
  if (isTableList(value))
    return value.map((item) => `${before}[[${title}]]\n${tableBody(item, path)}`).join('');
  return `${before}[${title}]\n${tableBody(value as Table, path)}`;
}

function margin(depth: number): string {
  return '  '.repeat(depth);
}

function isTable(value: unknown): value is Table {
  return value instanceof Map;
}

function isTableList(value: unknown): value is readonly Table[] {
  return Array.isArray(value) && value.length > 0 && value.every(isTable);
}

function name(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key);
}

function inline(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (value instanceof Float) return float(value.value);
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (isTable(value))
    return `{${[...value].map(([key, item]) => `${name(key)} = ${inline(item)}`).join(', ')}}`;
  throw new Error('toTOML: null has no form in a list');
}

/** A float keeps its decimal point. */
function float(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
