import { Document, parse, Scalar, type ScalarTag, stringify, type Tags, visit } from 'yaml';
import { formatFloat } from '../language/format.ts';
import { Float } from '../language/values.ts';

/** Texts stay texts, and a JavaScript `Map` is a plain map. */
function isWanted(tag: Tags[number]): boolean {
  const name = typeof tag === 'string' ? tag : tag.tag.replace(/^.*:/, '');
  return name !== 'timestamp' && name !== 'omap';
}

/** Go's floats print with an exponent where JavaScript's do not. */
const floatTag: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  identify: (value) => value instanceof Float,
  test: /(?!)/,
  resolve: (source) => source,
  stringify: ({ value }) =>
    value instanceof Float ? formatFloat(value.value, 'g', undefined) : String(value),
};

/** YAML 1.1, as consul-template reads and writes it: `yes` is true, a date stays a text, lists are not indented. */
const form = {
  version: '1.1',
  schema: 'yaml-1.1',
  customTags: (tags: Tags): Tags => [...tags.filter(isWanted), floatTag],
} as const;

/** Maps as `Map`, whole numbers as bigint. Throws an `Error` that says where the text is wrong. */
export function readYaml(source: string): unknown {
  return parse(source, { ...form, merge: true, intAsBigInt: true, mapAsMap: true, maxAliasCount: 100 });
}

/** What a reader of YAML 1.1 would take for something else than a text. */
const ambiguous =
  /^(?:~|null|y|n|yes|no|on|off|true|false|<<|=|[-+]?(?:\d[\d_]*(?::\d\d?)+(?:\.[\d_]*)?|(?:\d[\d_]*\.?|\.\d)[\d_]*(?:e[-+]?\d+)?|0x[\da-f_]+|0o[0-7]+|0b[01_]+|\.inf)|\.nan|\d{4}-\d\d?-\d\d?.*)?$/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const needsEscapes = /[\x00-\x09\x0b-\x1f\x7f\x85\u2028\u2029\ufeff]/;

export function writeYaml(value: unknown): string {
  const document = new Document(ordered(value), { ...form, aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value !== 'string') return;
      if (ambiguous.test(node.value) || needsEscapes.test(node.value)) node.type = Scalar.QUOTE_DOUBLE;
      else if (node.value.includes("'") && isQuoted(node.value)) node.type = Scalar.QUOTE_SINGLE;
    },
  });
  return document.toString({ lineWidth: 0, indentSeq: false, singleQuote: true }).trim();
}

/** The library would take double quotes because of the single one inside. */
function isQuoted(text: string): boolean {
  return stringify(text, { ...form, singleQuote: true }).startsWith('"');
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (!(value instanceof Map)) return value;
  const entries = [...(value as ReadonlyMap<string, unknown>)];
  return new Map(
    entries.sort(([left], [right]) => byName(left, right)).map(([key, item]) => [key, ordered(item)]),
  );
}

/** `s2` before `s10`; letters after everything else. */
function byName(left: string, right: string): number {
  const [a, b] = [left.match(/\d+|\D/gu) ?? [], right.match(/\d+|\D/gu) ?? []];
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const order = byPart(a[at] ?? '', b[at] ?? '');
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function byPart(left: string, right: string): number {
  if (left === right) return 0;
  const [leftNumber, rightNumber] = [/^\d/.test(left), /^\d/.test(right)];
  if (leftNumber && rightNumber) return Number(left) - Number(right) || left.length - right.length;
  if (leftNumber !== rightNumber && !/^\p{L}/u.test(leftNumber ? right : left)) return leftNumber ? 1 : -1;
  const [leftLetter, rightLetter] = [/^\p{L}/u.test(left), /^\p{L}/u.test(right)];
  if (leftLetter !== rightLetter) return leftLetter ? 1 : -1;
  return left < right ? -1 : 1;
}
