/** The API's one group and version here. */
export const gatewayApi = 'gateway.networking.k8s.io/v1';
export const gatewayGroup = 'gateway.networking.k8s.io';

/** The class and the Gateway that exist without anyone defining them: the built-in edge. */
export const ownName = 'portolan';

/** What `GatewayClass.spec.controllerName` says of a class that is ours. */
export const ownControllers: readonly string[] = Object.freeze(['portolan.dev/gateway', 'portolan/gateway']);

/** On these a Gateway means the built-in doors, wherever those are bound: no one has to be root to use a manifest as it is. */
export const wellKnownPorts = Object.freeze({ http: 80, https: 443 });
