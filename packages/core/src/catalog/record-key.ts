import type { RecordKey, RecordKind } from './records.ts';

/** A record's key taken apart: the parts of `keyOf`, unescaped, in its order. */
export interface ParsedKey {
  readonly kind: RecordKind;
  readonly parts: readonly string[];
}

const partCounts: Readonly<Record<RecordKind, number>> = {
  node: 1,
  instance: 4,
  service: 2,
  check: 2,
  lease: 1,
  kv: 1,
  rule: 4,
  'rule-version': 5,
};

/** Undefined for what is no key of a record. */
export function parseRecordKey(key: RecordKey): ParsedKey | undefined {
  const slash = key.indexOf('/');
  const kind = key.slice(0, slash);
  if (slash < 0 || !isKind(kind)) return undefined;
  const rest = key.slice(slash + 1);
  if (kind === 'kv') return { kind, parts: [rest] };
  const parts = rest.split('/');
  if (parts.length !== partCounts[kind]) return undefined;
  return { kind, parts: rest.includes('%') ? parts.map(unescapePart) : parts };
}

function isKind(text: string): text is RecordKind {
  return Object.hasOwn(partCounts, text);
}

function unescapePart(text: string): string {
  return text.replaceAll('%2F', '/').replaceAll('%25', '%');
}

/** The apiVersions of rules' keys, without repeats. */
export function apiVersionsOf(ruleKeys: ReadonlySet<RecordKey>): ReadonlySet<string> {
  const found = new Set<string>();
  for (const key of ruleKeys) found.add(parseRecordKey(key)?.parts[0] ?? '');
  return found;
}
