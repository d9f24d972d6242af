import type { PlanContext } from '../contract.ts';

/** A service as `host` fields name it. */
export interface ServiceName {
  readonly namespace: string;
  readonly name: string;
}

const clusterSuffix = /\.svc(?:\.cluster\.local)?$/;

/**
 * What a host field means: `reviews` is in the namespace of the rule, `reviews.shop`, `reviews.shop.svc` and
 * `reviews.shop.svc.cluster.local` say theirs. A service that is registered under a name with dots is meant by it before
 * anything else. Undefined: a name of the world outside.
 */
export function serviceOfHost(
  host: string,
  namespace: string,
  context: Pick<PlanContext, 'backend'>,
): ServiceName | undefined {
  if (!host.includes('.') || context.backend(namespace, host) !== undefined) return { namespace, name: host };
  const inCluster = clusterSuffix.test(host);
  const bare = host.replace(clusterSuffix, '');
  const dot = bare.lastIndexOf('.');
  if (dot <= 0) return undefined;
  const found = { namespace: bare.slice(dot + 1), name: bare.slice(0, dot) };
  return inCluster || context.backend(found.namespace, found.name) !== undefined ? found : undefined;
}
