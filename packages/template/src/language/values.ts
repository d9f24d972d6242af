/**
 * What a template works on. Strings, booleans and arrays are themselves; a `number` is a Go int; nil is `null`. Floats, maps and
 * structs have classes of their own because Go tells them apart and prints them differently.
 */
export type Value = null | boolean | number | string | Float | GoMap | Struct | Callable | readonly Value[];

/** A Go float64. */
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/**
 * A Go map; its keys are strings, or ints. `zero` is what `index` gives for a missing key: '' for a map of strings, nil for a map of
 * anything. A missing key of a field chain is no value at all, whatever the map.
 */
export class GoMap {
  readonly entries: ReadonlyMap<MapKey, Value>;
  readonly zero: Value | undefined;
  constructor(entries: ReadonlyMap<MapKey, Value>, zero?: Value) {
    this.entries = entries;
    this.zero = zero;
  }

  static ofStrings(record: Readonly<Record<string, string>>): GoMap {
    return new GoMap(new Map(Object.entries(record)), '');
  }

  /** Go ranges over a map, and prints it, in order of its keys. */
  sorted(): readonly (readonly [MapKey, Value])[] {
    return [...this.entries].sort(([left], [right]) => compareKeys(left, right));
  }
}

export type MapKey = string | number;

function compareKeys(left: MapKey, right: MapKey): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  return compareText(String(left), String(right));
}

/** A Go struct (or a pointer to one): a fixed set of fields, and methods. Selecting anything else is an error. */
export class Struct {
  readonly typeName: string;
  readonly fields: ReadonlyMap<string, Value>;
  readonly methods: ReadonlyMap<string, Callable>;
  /** Go's `String` method: how it prints, where that is not its fields. */
  readonly shown: (() => string) | undefined;
  constructor(
    typeName: string,
    fields: ReadonlyMap<string, Value>,
    methods: ReadonlyMap<string, Callable> = noMethods,
    shown?: () => string,
  ) {
    this.typeName = typeName;
    this.fields = fields;
    this.methods = methods;
    this.shown = shown;
  }
}

/** A function as a value. Throws any error to stop the template with it. */
export class Callable {
  readonly name: string;
  readonly call: (...args: readonly Value[]) => Value;
  constructor(name: string, call: (...args: readonly Value[]) => Value) {
    this.name = name;
    this.call = call;
  }
}

const noMethods: ReadonlyMap<string, Callable> = new Map();

/** Go's truth: not false, zero, nil or empty. A struct is always true. */
export function isTrue(value: Value | undefined): boolean {
  if (value === undefined || value === null) return false;
  if (value instanceof Float) return value.value !== 0;
  if (value instanceof GoMap) return value.entries.size > 0;
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object') return true;
  return Boolean(value);
}

/** The type's name as Go would put it into a message. */
export function typeName(value: Value | undefined): string {
  if (value === undefined || value === null) return 'nil';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return 'int';
  if (value instanceof Float) return 'float64';
  if (value instanceof GoMap) return value.zero === '' ? 'map[string]string' : 'map[string]interface {}';
  if (value instanceof Struct) return value.typeName;
  if (value instanceof Callable) return 'func';
  return listTypeName(value);
}

function listTypeName(list: readonly Value[]): string {
  const [first] = list;
  if (first instanceof Struct) return `[]${first.typeName}`;
  return list.every((item) => typeof item === 'string') && list.length > 0 ? '[]string' : '[]interface {}';
}

/** Strings in the order of their UTF-8 bytes, which is that of their code points. */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at++) {
    const a = left.charCodeAt(at);
    const b = right.charCodeAt(at);
    if (a !== b) return codePointOrder(a) - codePointOrder(b);
  }
  return left.length - right.length;
}

/** UTF-16 sorts surrogates before U+E000–U+FFFF; their code points come after. */
function codePointOrder(unit: number): number {
  if (unit >= 0xe000) return unit - 0x800;
  return unit >= 0xd800 ? unit + 0x2000 : unit;
}
