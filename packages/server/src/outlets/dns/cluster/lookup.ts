/**
 * What a name below the cluster domain asks for; labels in lower case, without the domain.
 * Source: Kubernetes DNS-Based Service Discovery, schema 1.1.0.
 */
export type ClusterLookup =
  | { readonly kind: 'apex' }
  /** TXT: the version of the schema. */
  | { readonly kind: 'version' }
  /** The target of NS. */
  | { readonly kind: 'name-server' }
  /** `svc`, `pod`, or a namespace below one of them: names are below it, nothing is at it. */
  | { readonly kind: 'empty'; readonly namespace: string | undefined }
  | { readonly kind: 'service'; readonly service: ServiceRef }
  | { readonly kind: 'port'; readonly service: ServiceRef; readonly port: string; readonly protocol: string }
  /** One endpoint of a headless service. */
  | { readonly kind: 'endpoint'; readonly service: ServiceRef; readonly hostname: string }
  /** An address in its own name, `10-0-0-1`: not of the schema, but of the cluster DNS that everybody has. */
  | { readonly kind: 'pod'; readonly namespace: string; readonly label: string }
  | { readonly kind: 'unknown' };

export interface ServiceRef {
  readonly namespace: string;
  readonly name: string;
}

export function parseClusterLookup(labels: readonly string[]): ClusterLookup {
  const [last, namespace] = [labels.at(-1), labels.at(-2)];
  if (last === undefined) return { kind: 'apex' };
  if (labels.length === 1 && last === 'dns-version') return { kind: 'version' };
  if (labels.length === 2 && labels[0] === 'ns' && last === 'dns') return { kind: 'name-server' };
  if (last !== 'svc' && last !== 'pod') return { kind: 'unknown' };
  const rest = labels.slice(0, -2);
  if (namespace === undefined || rest.length === 0) return { kind: 'empty', namespace };
  if (last === 'pod') {
    return rest.length === 1 ? { kind: 'pod', namespace, label: rest[0] ?? '' } : { kind: 'unknown' };
  }
  const [first = '', second = ''] = rest;
  if (rest.length > 2 && first.startsWith('_') && second.startsWith('_')) {
    const service = { namespace, name: rest.slice(2).join('.') };
    return { kind: 'port', service, port: first.slice(1), protocol: second.slice(1) };
  }
  return rest.length === 1
    ? { kind: 'service', service: { namespace, name: first } }
    : { kind: 'endpoint', service: { namespace, name: rest.slice(1).join('.') }, hostname: first };
}
