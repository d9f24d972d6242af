import { textFromBase64 } from '../../../../base/base64-text.ts';
import type { ConfigMap, Secret } from '../../../../rules/kubernetes.ts';
import type { PlanContext } from '../../contract.ts';

/** A name in the Ingress's own namespace, of `name` or `namespace/name`. Text: why it is none. */
export function ownName(reference: string, namespace: string): { readonly name: string } | string {
  const [first = '', second, ...more] = reference.split('/');
  if (second === undefined) return { name: first };
  if (more.length === 0 && first === namespace) return { name: second };
  return `"${reference}" is in another namespace, and an Ingress may only use what is in its own`;
}

/** The data of a Secret as text, by key; what is no text is left out. Text: why there is none. */
export function secretData(
  reference: string,
  namespace: string,
  context: PlanContext,
): ReadonlyMap<string, string> | string {
  const own = ownName(reference, namespace);
  if (typeof own === 'string') return own;
  const secret = context.rule<Secret>('v1', 'Secret', namespace, own.name);
  if (secret === undefined) return `there is no Secret ${own.name} in namespace ${namespace}`;
  const data = new Map<string, string>();
  for (const [key, value] of Object.entries(secret.manifest.data ?? {})) {
    const text = textFromBase64(value);
    if (text !== undefined) data.set(key, text);
  }
  return data;
}

/** The data of a ConfigMap. Text: why there is none. */
export function configData(
  reference: string,
  namespace: string,
  context: PlanContext,
): Readonly<Record<string, string>> | string {
  const own = ownName(reference, namespace);
  if (typeof own === 'string') return own;
  const map = context.rule<ConfigMap>('v1', 'ConfigMap', namespace, own.name);
  return map?.manifest.data ?? `there is no ConfigMap ${own.name} with data in namespace ${namespace}`;
}
