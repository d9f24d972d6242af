import { Callable, Float, GoMap, Struct, type Value } from '../language/values.ts';

/**
 * Go's `json.Marshal`: maps by key, structs by field, floats as JavaScript writes them. `escapesHtml` writes `<`, `>` and `&` as
 * escapes; `indent` gives every member a line of its own. Throws for what JSON has no form for.
 */
export function toJson(value: Value, escapesHtml: boolean, indent = ''): string {
  const text = written(value, indent, '\n');
  return escapesHtml
    ? text.replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026')
    : text;
}

function written(value: Value, indent: string, line: string): string {
  if (typeof value === 'string') return quoted(value);
  if (value instanceof Float) return float(value.value);
  if (value instanceof GoMap) return members(value.sorted(), indent, line);
  if (value instanceof Struct)
    return value.shown === undefined ? members([...value.fields], indent, line) : quoted(value.shown());
  if (value instanceof Callable) throw new Error('json: unsupported type: func');
  if (!Array.isArray(value)) return String(value);
  const items = value.map((item: Value) => written(item, indent, line + indent));
  return enclosed('[', items, ']', indent, line);
}

function members(
  entries: readonly (readonly [string | number, Value])[],
  indent: string,
  line: string,
): string {
  const colon = indent === '' ? ':' : ': ';
  const items = entries.map(
    ([key, item]) => quoted(String(key)) + colon + written(item, indent, line + indent),
  );
  return enclosed('{', items, '}', indent, line);
}

function enclosed(open: string, items: readonly string[], close: string, indent: string, line: string) {
  if (items.length === 0) return open + close;
  if (indent === '') return open + items.join(',') + close;
  const inner = line + indent;
  return open + inner + items.join(`,${inner}`) + line + close;
}

function float(value: number): string {
  if (!Number.isFinite(value)) throw new Error(`json: unsupported value: ${value}`);
  return Object.is(value, -0) ? '-0' : String(value);
}

/** Go also escapes the two line ends that JavaScript once could not have in a string. */
function quoted(text: string): string {
  return JSON.stringify(text.toWellFormed()).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}
