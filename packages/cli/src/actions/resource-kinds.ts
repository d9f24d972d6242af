import { segment } from '@portolan/client/registry/question.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import { clusterScope, type RuleKind, ruleKinds } from '@portolan/core/rules/rule-kinds.ts';
import { nearMisses } from '../near-miss.ts';

/** Which resource, as the API names it. */
export interface ResourceKey {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/**
 * The kind that a word means: `Ingress`, `ingress`, `ingresses`, `ing`, and, where two groups have the same, `gateways.networking.istio.io`.
 * Throws `invalid`, with what was perhaps meant.
 */
export function kindNamed(word: string): RuleKind {
  const [name = '', ...group] = word.toLowerCase().split('.');
  const found = ruleKinds.find((kind) => wordsOf(kind).includes(name) && isGroup(kind, group.join('.')));
  if (found !== undefined) return found;
  const near = nearMisses(name, kindWords());
  const advice =
    near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `'portolan get kinds' lists them all.`;
  throw new Fault('invalid', `there is no kind '${word}'. ${advice}`);
}

/** Plurals, for completion and suggestions. */
export function kindWords(): readonly string[] {
  return [...new Set(ruleKinds.map(({ plural }) => plural))];
}

function wordsOf({ kind, plural, shortNames }: RuleKind): readonly string[] {
  return [kind.toLowerCase(), plural, ...shortNames];
}

function isGroup(kind: RuleKind, group: string): boolean {
  return (
    group === '' || groupOf(kind) === group || kind.apiVersion.split('/')[0]?.startsWith(`${group}.`) === true
  );
}

function groupOf({ apiVersion }: Pick<RuleKind, 'apiVersion'>): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
}

/** The path of a kind, below the server's URL. */
export function kindPath(kind: RuleKind): string {
  const version = kind.apiVersion.includes('/') ? kind.apiVersion : `core/${kind.apiVersion}`;
  return `portolan/v1/resources/${version}/${kind.plural}`;
}

export function resourcePath(kind: RuleKind, namespace: string, name: string): string {
  return `${kindPath(kind)}/${segment(kind.namespaced ? namespace : clusterScope)}/${segment(name)}`;
}

/** The path of a resource that an answer named. */
export function pathOfKey({ apiVersion, kind, namespace, name }: ResourceKey): string {
  const found = ruleKinds.find((one) => one.apiVersion === apiVersion && one.kind === kind);
  if (found === undefined)
    throw new Fault('internal', `the server named a kind that is not known: ${apiVersion} ${kind}`);
  return resourcePath(found, namespace, name);
}

/** `Ingress shop/web` */
export function titleOf({ kind, namespace, name }: Pick<ResourceKey, 'kind' | 'namespace' | 'name'>): string {
  return namespace === clusterScope ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}
