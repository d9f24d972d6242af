import { Fault } from '../base/fault.ts';
import type { Expression, Match, MatchOperator, Quantified, Selector } from './expression.ts';
import { parseFilter } from './parse.ts';

/** The type of a field, for the fields that may be selected: what Consul's own structures have there. */
export type FieldType =
  | 'string'
  | 'number'
  | 'boolean'
  | { readonly listOf: FieldType }
  /** Keys come from users: any may be selected. */
  | { readonly mapOf: FieldType }
  | { readonly fields: Readonly<Record<string, FieldType>> };

/** Compiles a regular expression (Go's syntax) to a test in time linear in the text; throws if it is not one. */
export type CompileRegex = (pattern: string) => (text: string) => boolean;

export type Filter = (item: unknown) => boolean;

/**
 * Compiles a filter against the shape of the items it will be given. Throws an `invalid` fault for what does not parse, a
 * selector that no item has, an operator that the field's type does not have, or a value that is not of the field's type.
 */
export function compileFilter(source: string, item: FieldType, compileRegex: CompileRegex): Filter {
  const test = compile(parseFilter(source), new Map([['', item]]), compileRegex);
  return (value) => test(new Map([['', value]]));
}

/** What the names in force stand for: '' is the item itself, others are bound by `any` and `all`. */
type Types = ReadonlyMap<string, FieldType>;
type Values = ReadonlyMap<string, unknown>;
type Test = (values: Values) => boolean;

function compile(expression: Expression, types: Types, compileRegex: CompileRegex): Test {
  switch (expression.type) {
    case 'and':
    case 'or': {
      const left = compile(expression.left, types, compileRegex);
      const right = compile(expression.right, types, compileRegex);
      return expression.type === 'and' ? (v) => left(v) && right(v) : (v) => left(v) || right(v);
    }
    case 'not': {
      const operand = compile(expression.operand, types, compileRegex);
      return (values) => !operand(values);
    }
    case 'match':
      return compileMatch(expression, types, compileRegex);
    case 'any':
    case 'all':
      return compileQuantified(expression, types, compileRegex);
  }
}

function compileMatch(match: Match, types: Types, compileRegex: CompileRegex): Test {
  const { operator, selector, value } = match;
  const type = typeOf(selector, types);
  const read = reader(selector, types);
  const negative = isNegative(operator);
  const test = positive(operator, type, value, selector, compileRegex);
  // What is not there (a map's key) is empty, and equals, contains and matches nothing.
  const absent = operator === 'empty' ? true : operator === 'not-empty' ? false : negative;
  return (values) => {
    const found = read(values);
    if (found === undefined || found === null) return absentValue(type, absent, test, negative);
    return test(found) !== negative;
  };
}

/** Consul's JSON leaves an absent list or map as null: that is an empty one, not an absent one. */
function absentValue(
  type: FieldType,
  absent: boolean,
  test: (value: unknown) => boolean,
  negative: boolean,
): boolean {
  if (typeof type === 'object' && 'listOf' in type) return test([]) !== negative;
  if (typeof type === 'object' && 'mapOf' in type) return test({}) !== negative;
  return absent;
}

function isNegative(operator: MatchOperator): boolean {
  return operator.startsWith('not-');
}

function positive(
  operator: MatchOperator,
  type: FieldType,
  value: string,
  selector: Selector,
  compileRegex: CompileRegex,
): (found: unknown) => boolean {
  switch (operator) {
    case 'equal':
    case 'not-equal':
      return equals(type, value, selector);
    case 'in':
    case 'not-in':
      return contains(type, value, selector);
    case 'empty':
    case 'not-empty':
      return isEmpty(type, selector);
    case 'matches':
    case 'not-matches':
      return regexMatch(type, value, selector, compileRegex);
  }
}

function equals(type: FieldType, value: string, selector: Selector): (found: unknown) => boolean {
  if (typeof type === 'object') throw unsupported('== and !=', selector, type);
  const wanted = typedValue(type, value, selector);
  return (found) => found === wanted;
}

function typedValue(
  type: 'string' | 'number' | 'boolean',
  value: string,
  selector: Selector,
): string | number | boolean {
  if (type === 'string') return value;
  if (type === 'number') {
    const number = Number(value);
    if (value.trim() !== '' && Number.isFinite(number)) return number;
  } else if (value === 'true' || value === 'false') return value === 'true';
  throw invalid(`${JSON.stringify(value)} is not a ${type}, and ${selector.join('.')} is one`);
}

function contains(type: FieldType, value: string, selector: Selector): (found: unknown) => boolean {
  if (type === 'string') return (found) => typeof found === 'string' && found.includes(value);
  if (typeof type === 'object' && 'listOf' in type) {
    const item = equals(type.listOf, value, selector);
    return (found) => Array.isArray(found) && found.some(item);
  }
  if (typeof type === 'object' && 'mapOf' in type) {
    return (found) => typeof found === 'object' && found !== null && Object.hasOwn(found, value);
  }
  throw unsupported('in and contains', selector, type);
}

function isEmpty(type: FieldType, selector: Selector): (found: unknown) => boolean {
  if (type === 'string') return (found) => found === '';
  if (typeof type === 'object' && 'listOf' in type)
    return (found) => Array.isArray(found) && found.length === 0;
  if (typeof type === 'object' && 'mapOf' in type)
    return (found) => Object.keys(found as object).length === 0;
  throw unsupported('is empty', selector, type);
}

function regexMatch(
  type: FieldType,
  value: string,
  selector: Selector,
  compileRegex: CompileRegex,
): (found: unknown) => boolean {
  if (type !== 'string') throw unsupported('matches', selector, type);
  let test: (text: string) => boolean;
  try {
    test = compileRegex(value);
  } catch (thrown) {
    throw invalid(`${JSON.stringify(value)} is not a regular expression: ${Fault.from(thrown).message}`);
  }
  return (found) => typeof found === 'string' && test(found);
}

function compileQuantified(quantified: Quantified, types: Types, compileRegex: CompileRegex): Test {
  const { selector, names } = quantified;
  const type = typeOf(selector, types);
  const bound = boundTypes(type, names, selector);
  const body = compile(quantified.body, new Map([...types, ...bound]), compileRegex);
  const read = reader(selector, types);
  const bind = (values: Values, members: readonly unknown[]): Values =>
    new Map([...values, ...names.map((name, index) => [name, members[index]] as const)]);
  const map = typeof type === 'object' && 'mapOf' in type;
  return (values) => {
    const found = read(values) ?? [];
    const members = map
      ? Object.entries(found)
      : (found as readonly unknown[]).map((item, at) => listMembers(names, item, at));
    const holds = (member: readonly unknown[]): boolean => body(bind(values, member));
    return quantified.type === 'any' ? members.some(holds) : members.every(holds);
  };
}

/** One name binds a list's item, two bind its position and the item. */
function listMembers(names: readonly string[], item: unknown, position: number): readonly unknown[] {
  return names.length === 1 ? [item] : [position, item];
}

function boundTypes(
  type: FieldType,
  names: readonly string[],
  selector: Selector,
): (readonly [string, FieldType])[] {
  const [first = '', second] = names;
  if (typeof type === 'object' && 'listOf' in type) {
    return second === undefined
      ? [[first, type.listOf]]
      : [
          [first, 'number'],
          [second, type.listOf],
        ];
  }
  if (typeof type === 'object' && 'mapOf' in type) {
    return second === undefined
      ? [[first, 'string']]
      : [
          [first, 'string'],
          [second, type.mapOf],
        ];
  }
  throw unsupported('any and all', selector, type);
}

function typeOf(selector: Selector, types: Types): FieldType {
  const [first = '', ...rest] = selector;
  const bound = types.get(first);
  let type = bound ?? types.get('');
  for (const name of bound === undefined ? selector : rest) {
    if (typeof type !== 'object' || 'listOf' in type) type = undefined;
    else if ('mapOf' in type) type = type.mapOf;
    else type = Object.hasOwn(type.fields, name) ? type.fields[name] : undefined;
  }
  if (type === undefined) throw invalid(`Selector "${selector.join('.')}" is not valid`);
  return type;
}

function reader(selector: Selector, types: Types): (values: Values) => unknown {
  const [first = '', ...rest] = selector;
  const bound = types.has(first) && first !== '';
  const path = bound ? rest : selector;
  const root = bound ? first : '';
  return (values) => {
    let value = values.get(root);
    for (const name of path) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
      value = (value as Readonly<Record<string, unknown>>)[name];
    }
    return value;
  };
}

function unsupported(operators: string, selector: Selector, type: FieldType): Fault {
  const kind =
    typeof type === 'string' ? type : 'listOf' in type ? 'list' : 'mapOf' in type ? 'map' : 'structure';
  return invalid(`${operators} cannot be used on ${selector.join('.')}, which is a ${kind}`);
}

function invalid(message: string): Fault {
  return new Fault('invalid', `filter: ${message}`, { path: 'filter' });
}
