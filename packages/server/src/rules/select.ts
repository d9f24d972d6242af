import { Fault } from '@portolan/core/base/fault.ts';
import type { Json } from '@portolan/core/base/json.ts';
import type { StringMap } from '@portolan/core/rules/metadata.ts';

/** Whether a manifest is one of those that are asked for. */
export type Selector = (manifest: Json) => boolean;

/** More are a mistake. */
const maxRequirements = 32;

/**
 * Kubernetes' label selectors: `app=web,tier!=db,canary,!old,env in (a, b),env notin (c)`, all of which must hold. Throws `invalid`.
 */
export function labelSelector(text: string): Selector {
  const tests = requirements(text).map(labelTest);
  return (manifest) => {
    const labels = metadataOf(manifest)?.labels ?? none;
    return tests.every((test) => test(labels));
  };
}

const none: StringMap = Object.freeze(Object.create(null));

/** `metadata.name=web,spec.type!=NodePort`: plain values at dotted paths. Throws `invalid`. */
export function fieldSelector(text: string): Selector {
  const tests = requirements(text).map((part) => {
    const [, path = '', operator = '', wanted = ''] = /^([\w.-]+)\s*(!=|==?)\s*(.*)$/.exec(part) ?? [];
    if (path === '') throw wrong('fieldSelector', part, 'metadata.name=web');
    return (manifest: Json) =>
      (String(at(manifest, path.split('.')) ?? '') === wanted) === (operator !== '!=');
  });
  return (manifest) => tests.every((test) => test(manifest));
}

/** Taken apart at commas that stand in no brackets. */
function requirements(text: string): readonly string[] {
  const parts: string[] = [];
  let start = 0;
  let open = false;
  for (let at = 0; at <= text.length; at++) {
    const character = text[at] ?? ',';
    if (character === '(') open = true;
    else if (character === ')') open = false;
    if (character !== ',' || (open && at < text.length)) continue;
    const part = text.slice(start, at).trim();
    if (part !== '') parts.push(part);
    start = at + 1;
  }
  if (parts.length > maxRequirements)
    throw new Fault('too-large', `A selector has at most ${maxRequirements} parts.`);
  return parts;
}

function labelTest(part: string): (labels: StringMap) => boolean {
  const set = /^(\S+)\s+(in|notin)\s+\(([^()]*)\)$/.exec(part);
  if (set !== null) {
    const [, key = '', operator, values = ''] = set;
    const wanted = new Set(values.split(',').map((value) => value.trim()));
    return (labels) => has(labels, key, (value) => wanted.has(value)) === (operator === 'in');
  }
  const equal = /^([^\s!=()]+)\s*(!=|==?)\s*([^\s!=()]*)$/.exec(part);
  if (equal !== null) {
    const [, key = '', operator, wanted = ''] = equal;
    return (labels) => has(labels, key, (value) => value === wanted) === (operator !== '!=');
  }
  const present = /^(!?)\s*([^\s!=()]+)$/.exec(part);
  if (present === null) throw wrong('labelSelector', part, 'app=web,tier!=db');
  const [, not = '', key = ''] = present;
  return (labels) => has(labels, key, () => true) === (not === '');
}

function has(labels: StringMap, key: string, holds: (value: string) => boolean): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  return value !== undefined && holds(value);
}

function metadataOf(manifest: Json): { readonly labels?: StringMap } | undefined {
  return at(manifest, ['metadata']) as { readonly labels?: StringMap } | undefined;
}

function at(value: Json, path: readonly string[]): Json | undefined {
  let current: Json | undefined = value;
  for (const part of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, part)) return undefined;
    current = (current as Readonly<Record<string, Json>>)[part];
  }
  return current;
}

function wrong(field: string, part: string, example: string): Fault {
  return new Fault('invalid', `${field}: ${JSON.stringify(part)} cannot be read; write ${example}`, {
    path: field,
  });
}
