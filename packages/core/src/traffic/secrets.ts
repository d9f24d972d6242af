import type { TrafficKind, TrafficResources, VirtualHost } from './model.ts';

/**
 * A resource as everyone may see it: without the key of a certificate and the users of basic authentication. Whoever is given it cannot serve
 * either, and lets nobody in. The very same object where there is nothing to hide.
 */
export function withoutSecrets<K extends TrafficKind>(
  kind: K,
  resource: TrafficResources[K],
): TrafficResources[K] {
  const hide = hiders[kind] as ((resource: TrafficResources[K]) => TrafficResources[K]) | undefined;
  return hide === undefined ? resource : hide(resource);
}

const hiders: { readonly [K in TrafficKind]?: (resource: TrafficResources[K]) => TrafficResources[K] } = {
  certificates: (certificate) => ({ ...certificate, key: '' }),
  virtualHosts: withoutUsers,
};

function withoutUsers(host: VirtualHost): VirtualHost {
  if (!host.routes.some(({ policies }) => policies?.basicAuth !== undefined)) return host;
  const routes = host.routes.map((route) => {
    const { policies } = route;
    if (policies?.basicAuth === undefined) return route;
    return { ...route, policies: { ...policies, basicAuth: { ...policies.basicAuth, users: [] } } };
  });
  return { ...host, routes };
}
