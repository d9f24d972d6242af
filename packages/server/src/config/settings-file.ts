import { Fault } from '@portolan/core/base/fault.ts';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';

/** A settings file as it was read: what is at each dotted path, and where. */
export interface SettingsFile {
  /** As the user named it. */
  readonly name: string;
  readonly entries: readonly FileEntry[];
}

export interface FileEntry {
  /** Dotted, as in `SettingInfo.key`. */
  readonly path: string;
  readonly value: unknown;
  /** `portolan.yaml:3:5`. */
  readonly place: string;
}

/** Settings are a page or two; more is some other file. */
export const maxFileBytes = 1024 * 1024;

/** Parses YAML (or JSON, which is YAML). An `invalid` fault lists every syntax error with file, line and column. */
export function parseSettingsFile(name: string, content: string): SettingsFile {
  if (content.length > maxFileBytes)
    throw new Fault('too-large', `${name}: a settings file has at most 1 MiB`);
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const problems = document.errors.map(
      (error) => `${placeAt(name, lines, error.pos[0])}: ${error.message}`,
    );
    throw new Fault('invalid', problems.join('\n'));
  }
  const entries: FileEntry[] = [];
  const root = document.contents;
  if (root !== null && !isMap(root)) {
    throw new Fault('invalid', `${placeOf(name, lines, root)}: must be a mapping such as "data-dir: ./data"`);
  }
  if (root !== null) collect(root, '', name, lines, entries);
  return { name, entries };
}

function collect(node: Node, prefix: string, name: string, lines: LineCounter, entries: FileEntry[]): void {
  if (!isMap(node)) return;
  for (const { key, value } of node.items) {
    const path = `${prefix}${isScalar(key) ? String(key.value) : '?'}`;
    const place = placeOf(name, lines, key as Node);
    if (isMap(value)) collect(value, `${path}.`, name, lines, entries);
    else entries.push({ path, value: plainValue(value), place });
  }
}

function plainValue(node: unknown): unknown {
  if (isScalar(node)) return node.value;
  if (isSeq(node)) return node.items.map(plainValue);
  // Only inside a list: elsewhere a mapping is a part of the settings' tree.
  if (isMap(node)) return node.toJSON();
  return undefined;
}

function placeOf(name: string, lines: LineCounter, node: Node | null): string {
  return placeAt(name, lines, node?.range?.[0] ?? 0);
}

function placeAt(name: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${name}:${line}:${col}`;
}
