import { Fault } from '@portolan/core/base/fault.ts';
import { count, int, list, map, text } from '@portolan/template/functions/arguments.ts';
import { compileRegex } from '@portolan/template/functions/go-regex.ts';
import type { TemplateFunction } from '@portolan/template/language/builtins.ts';
import { compileTemplate } from '@portolan/template/language/execute.ts';
import { Float, GoMap, type Value } from '@portolan/template/language/values.ts';
import { splitList } from './config.ts';

/** The tags that `docker.tags` gives a container, from what the engine says about it. Throws a `Fault`. */
export type TagsOf = (inspect: unknown) => readonly string[];

/**
 * Registrator's `-tags`: tags between commas, or a Go template over the container that gives such a list. Throws `invalid` for a
 * template that is none.
 */
export function tagsFrom(setting: string): TagsOf {
  if (!setting.includes('{{')) {
    const tags = splitList(setting);
    return () => tags;
  }
  try {
    const template = compileTemplate('docker.tags', setting, { functions });
    return (inspect) => splitList(template.render(containerValue(inspect)));
  } catch (error) {
    throw new Fault('invalid', `docker.tags is no template: ${Fault.from(error).message}`, { cause: error });
  }
}

/** Registrator's own. `httpGet` is not among them: what a container says must not make this server ask elsewhere. */
const functions: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ['strSlice', (...args) => slice(args)],
  ['sIndex', of(2, (at, items) => itemAt(texts(items), int(at)))],
  ['mIndex', of(2, (key, entries) => map(entries).entries.get(text(key)) ?? '')],
  ['toUpper', of(1, (value) => text(value).toUpperCase())],
  ['toLower', of(1, (value) => text(value).toLowerCase())],
  ['replace', of(4, (times, from, to, value) => replace(text(value), text(from), text(to), int(times)))],
  ['join', of(2, (separator, items) => texts(items).join(text(separator)))],
  ['split', of(2, (separator, value) => text(value).split(text(separator)))],
  ['splitIndex', of(3, (at, separator, value) => itemAt(text(value).split(text(separator)), int(at)))],
  ['matchFirstElement', of(2, (regex, items) => matching(regex, items)[0] ?? '')],
  ['matchAllElements', of(2, matching)],
]);

function of(arity: number, call: TemplateFunction): TemplateFunction {
  return (...args) => {
    count(args, arity);
    return call(...args);
  };
}

function texts(value: Value | undefined): readonly string[] {
  return list(value).map(text);
}

/** `strSlice v from [to]`: bounds that do not fit give the whole, as an end before the start gives the rest. */
function slice(args: readonly Value[]): string {
  count(args, 1, 3);
  const [value, ...bounds] = args;
  const whole = text(value);
  const [from, to] = bounds.map(int);
  if (from === undefined || from < 0 || from > whole.length) return whole;
  if (to === undefined) return whole.slice(from);
  if (to < 0 || to > whole.length) return whole;
  return to < from ? whole.slice(from) : whole.slice(from, to);
}

/** Counted from the end if negative; beyond either end it is the last or the first. */
function itemAt(items: readonly string[], at: number): string {
  const index = at < 0 ? Math.max(0, items.length + at) : Math.min(at, items.length - 1);
  return items[index] ?? '';
}

/** The first `times`; all if negative. */
function replace(value: string, from: string, to: string, times: number): string {
  if (from === '') return value;
  const parts = value.split(from);
  const cut = times < 0 ? parts.length - 1 : Math.min(times, parts.length - 1);
  const rest = parts.slice(cut).join(from);
  return cut === 0 ? value : `${parts.slice(0, cut).join(to)}${to}${rest}`;
}

function matching(pattern: Value | undefined, items: Value | undefined): readonly string[] {
  const regex = compileRegex(text(pattern));
  return texts(items).filter((item) => regex.matcher(item).find());
}

/** Registrator's templates see Go's names: `Id` is `ID` there. */
function containerValue(inspect: unknown): Value {
  const value = goValue(inspect);
  if (!(value instanceof GoMap)) return value;
  return new GoMap(new Map([...value.entries, ['ID', value.entries.get('Id') ?? '']]));
}

function goValue(json: unknown): Value {
  if (json === null || typeof json === 'string' || typeof json === 'boolean') return json;
  if (typeof json === 'number') return Number.isInteger(json) ? json : new Float(json);
  if (Array.isArray(json)) return json.map(goValue);
  if (typeof json !== 'object') return null;
  const entries = Object.entries(json).map(([key, value]) => [key, goValue(value)] as const);
  const ofText = entries.every(([, value]) => typeof value === 'string');
  return ofText ? new GoMap(new Map(entries), '') : new GoMap(new Map(entries));
}
