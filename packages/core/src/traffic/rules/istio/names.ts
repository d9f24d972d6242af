export const istioApi = 'networking.istio.io/v1';

/** Every proxy beside a service; here the host under which a registered service shows itself at the edge. */
export const mesh = 'mesh';

/** The built-in edge, from any namespace. */
export const ownGateway = 'portolan';
