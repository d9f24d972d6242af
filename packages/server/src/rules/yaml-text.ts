import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import { readLimits } from './limits.ts';
import { type PathPart, pathText } from './problem.ts';

/** A document of a text with several. */
export interface DocumentText {
  readonly text: string;
  /** Of its first line in the whole text, from 1. */
  readonly line: number;
}

/** Where something is, in the whole text. */
export interface TextPlace {
  readonly line: number;
  readonly column: number;
}

export interface YamlProblem {
  readonly code: 'syntax' | 'too-large' | 'too-deep' | 'duplicate-key' | 'bad-alias';
  readonly message: string;
  readonly place: TextPlace;
  /** Text of a path, where there is one. */
  readonly path?: string;
}

/** A document as plain data. Its objects have no prototype. */
export interface YamlDocument {
  /** Undefined where there are problems; null for an empty one. */
  readonly value: unknown;
  readonly problems: readonly YamlProblem[];
  /** Of the value at a path, or of what is nearest above it. `key`: of the field's name. */
  placeOf(path: readonly PathPart[]): TextPlace;
}

/**
 * Takes a text apart at its `---` lines. A line that begins so always begins a document, whatever it stands in (YAML 1.2.2 §9.1.2), so
 * that each one can be read, and be wrong, alone.
 */
export function* documentsOf(text: string): Generator<DocumentText> {
  const marker = /^---(?=[ \t\r\n]|$)/gm;
  let start = 0;
  let line = 1;
  for (let match = marker.exec(text); match !== null; match = marker.exec(text)) {
    if (match.index > start) {
      const before = text.slice(start, match.index);
      yield { text: before, line };
      line += lineEnds(before);
    }
    start = match.index;
  }
  if (start < text.length) yield { text: text.slice(start), line };
}

function lineEnds(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

/** More say nothing that the first ones do not. */
const maxSyntaxProblems = 5;

/** Reads one document. Never throws. */
export function readYaml({ text, line }: DocumentText): YamlDocument {
  const start = { line, column: 1 };
  if (text.length > readLimits.maxDocumentChars) {
    const message = `The document has ${text.length} characters; at most ${readLimits.maxDocumentChars} are read.`;
    return broken([{ code: 'too-large', message, place: start }]);
  }
  const lines = new LineCounter();
  const placeAt = (offset: number): TextPlace => {
    const { line: inDocument, col } = lines.linePos(offset);
    return { line: line + Math.max(inDocument, 1) - 1, column: Math.max(col, 1) };
  };
  let document: Document.Parsed;
  try {
    document = withoutStacks(() =>
      // Keys are compared here, below: its own way takes the square of their number.
      parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false, logLevel: 'silent' }),
    );
  } catch (thrown) {
    return broken([thrownProblem(thrown, start)]);
  }
  // The parser meets the end of the stack itself, in each of its levels.
  if (document.errors.some(({ message }) => message.startsWith('Maximum call stack'))) {
    return broken([tooDeep(start)]);
  }
  if (document.errors.length > 0) {
    return broken(
      document.errors.slice(0, maxSyntaxProblems).map(({ message, pos }) => ({
        code: 'syntax',
        message: syntaxText(message),
        place: placeAt(pos[0]),
      })),
    );
  }
  const reading = new Reading(document, placeAt);
  let value: unknown;
  try {
    value = reading.value();
  } catch (thrown) {
    return broken([thrown instanceof Unreadable ? thrown.problem : thrownProblem(thrown, start)]);
  }
  return { value, problems: [], placeOf: (path) => placeAt(offsetOf(document, path)) };
}

/** Without what the parser quotes: it may be a part of a secret. */
function syntaxText(message: string): string {
  return `${message.split(': ', 1)[0]}.`;
}

/** A hostile text has as many errors as characters, and each would carry its stack: ten times the work. */
function withoutStacks<T>(work: () => T): T {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return work();
  } finally {
    Error.stackTraceLimit = before;
  }
}

function broken(problems: readonly YamlProblem[]): YamlDocument {
  const place = problems[0]?.place ?? { line: 1, column: 1 };
  return { value: undefined, problems, placeOf: () => place };
}

function thrownProblem(thrown: unknown, place: TextPlace): YamlProblem {
  if (thrown instanceof RangeError) return tooDeep(place);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: 'syntax', message: `The document cannot be read: ${message}`, place };
}

function tooDeep(place: TextPlace): YamlProblem {
  return { code: 'too-deep', message: 'The document is nested too deep.', place };
}

class Unreadable extends Error {
  readonly problem: YamlProblem;

  constructor(problem: YamlProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

/** From the tree of the document to plain data, with limits. */
class Reading {
  readonly #document: Document.Parsed;
  readonly #placeAt: (offset: number) => TextPlace;
  readonly #anchors = new Map<string, Node>();
  /** Aliases being expanded: one that leads to itself has no end. */
  readonly #open = new Set<Node>();
  readonly #path: PathPart[] = [];
  #values = 0;

  constructor(document: Document.Parsed, placeAt: (offset: number) => TextPlace) {
    this.#document = document;
    this.#placeAt = placeAt;
  }

  value(): unknown {
    return this.#read(this.#document.contents);
  }

  #read(node: unknown): unknown {
    this.#values += 1;
    if (this.#values > readLimits.maxValues) {
      throw this.#unreadable(
        node,
        'too-large',
        `The document stands for more than ${readLimits.maxValues} values.`,
      );
    }
    if (this.#path.length > readLimits.maxDepth) {
      throw this.#unreadable(node, 'too-deep', `The document is nested deeper than ${readLimits.maxDepth}.`);
    }
    if (!isNode(node)) return null;
    if (isAlias(node)) return this.#expand(node);
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isMap(node)) return this.#map(node);
    if (isSeq(node)) return node.items.map((item, index) => this.#below(index, () => this.#read(item)));
    return isScalar(node) ? plain(node.value) : null;
  }

  #expand(alias: Alias): unknown {
    const target = this.#anchors.get(alias.source);
    if (target === undefined || this.#open.has(target)) {
      throw this.#unreadable(alias, 'bad-alias', `The alias *${alias.source.slice(0, 100)} leads nowhere.`);
    }
    this.#open.add(target);
    const value = this.#read(target);
    this.#open.delete(target);
    return value;
  }

  #map(node: YAMLMap): unknown {
    const map = Object.create(null) as Record<string, unknown>;
    const merged: unknown[] = [];
    const own = new Set<string>();
    for (const pair of node.items as readonly Pair[]) {
      const key = keyText(pair.key);
      if (key === undefined) throw this.#unreadable(pair.key, 'syntax', 'A key must be plain text.');
      this.#below(key, () => {
        if (own.has(key))
          throw this.#unreadable(pair.key, 'duplicate-key', `${pathText(this.#path)} is there twice.`);
        own.add(key);
        const value = this.#read(pair.value);
        if (key === '<<') merged.push(value);
        else map[key] = value;
      });
    }
    for (const source of merged.flat(1)) {
      if (typeof source !== 'object' || source === null || Array.isArray(source)) continue;
      for (const [key, value] of Object.entries(source)) if (!own.has(key) && !(key in map)) map[key] = value;
    }
    return map;
  }

  #below<T>(part: PathPart, work: () => T): T {
    this.#path.push(part);
    const result = work();
    this.#path.pop();
    return result;
  }

  #unreadable(node: unknown, code: YamlProblem['code'], message: string): Unreadable {
    const offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
    return new Unreadable({ code, message, place: this.#placeAt(offset) });
  }
}

/** What JSON has no word for (NaN, a date, a number without end) is kept as text, and refused where a number should be. */
function plain(value: unknown): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  return value === undefined ? null : String(value);
}

function keyText(key: unknown): string | undefined {
  if (!isScalar(key)) return key === null ? '' : undefined;
  return typeof key.value === 'object' && key.value !== null ? undefined : String(key.value ?? '');
}

/** Of a value; where the path leads into nothing, of the last thing on the way. */
function offsetOf(document: Document.Parsed, path: readonly PathPart[]): number {
  let node: unknown = document.contents;
  let offset = rangeOf(node) ?? 0;
  for (const part of path) {
    const { value, key } = child(node, part);
    // A key is what one looks for; an item of a list has none.
    const found = rangeOf(key) ?? rangeOf(value);
    if (found === undefined) break;
    offset = found;
    node = isAlias(value) ? value.resolve(document) : value;
  }
  return offset;
}

function child(node: unknown, part: PathPart): { value?: unknown; key?: unknown } {
  if (isSeq(node)) return { value: node.items[Number(part)] };
  if (!isMap(node)) return {};
  const pair = (node.items as readonly Pair[]).find(({ key }) => keyText(key) === part);
  return pair === undefined ? {} : { value: pair.value, key: pair.key };
}

function rangeOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
