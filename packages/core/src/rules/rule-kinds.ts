/** A kind of manifest that is understood. */
export interface RuleKind {
  /** The shape in which it is stored and planned; manifests of the older ones are converted before. */
  readonly apiVersion: string;
  readonly kind: string;
  /** Lower case, as in paths: `ingresses`. */
  readonly plural: string;
  /** What people type besides the plural and the kind. */
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
  /** Older versions of the same group or another, nearest first. */
  readonly convertsFrom: readonly string[];
}

/** The namespace under which the records of kinds without namespace are kept. No namespace of a manifest can be named so. */
export const clusterScope = '_';

const discovery = 'discovery.k8s.io/v1';
const networking = 'networking.k8s.io/v1';
const gateway = 'gateway.networking.k8s.io/v1';
const istio = 'networking.istio.io/v1';

const gatewayOld = ['gateway.networking.k8s.io/v1beta1', 'gateway.networking.k8s.io/v1alpha2'];
const istioOld = ['networking.istio.io/v1beta1', 'networking.istio.io/v1alpha3'];
const ingressOld = ['networking.k8s.io/v1beta1', 'extensions/v1beta1'];

/** Every kind that is read. Where two have the same name (`gateways`), the first one is meant by it. */
export const ruleKinds: readonly RuleKind[] = Object.freeze([
  kind('v1', 'Service', 'services', ['svc']),
  kind('v1', 'Endpoints', 'endpoints', ['ep']),
  kind(discovery, 'EndpointSlice', 'endpointslices', [], ['discovery.k8s.io/v1beta1']),
  kind('v1', 'Secret', 'secrets', []),
  kind('v1', 'ConfigMap', 'configmaps', ['cm']),
  kind(networking, 'Ingress', 'ingresses', ['ing'], ingressOld),
  clusterKind(networking, 'IngressClass', 'ingressclasses', [], ['networking.k8s.io/v1beta1']),
  clusterKind(gateway, 'GatewayClass', 'gatewayclasses', ['gc'], gatewayOld),
  kind(gateway, 'Gateway', 'gateways', ['gtw'], gatewayOld),
  kind(gateway, 'HTTPRoute', 'httproutes', [], gatewayOld),
  kind(gateway, 'GRPCRoute', 'grpcroutes', [], gatewayOld),
  kind(gateway, 'TLSRoute', 'tlsroutes', [], ['gateway.networking.k8s.io/v1alpha3', ...gatewayOld]),
  kind(gateway, 'TCPRoute', 'tcproutes', [], gatewayOld),
  kind(gateway, 'UDPRoute', 'udproutes', [], gatewayOld),
  kind(gateway, 'ReferenceGrant', 'referencegrants', ['refgrant'], gatewayOld),
  kind(istio, 'VirtualService', 'virtualservices', ['vs'], istioOld),
  kind(istio, 'DestinationRule', 'destinationrules', ['dr'], istioOld),
  kind(istio, 'ServiceEntry', 'serviceentries', ['se'], istioOld),
  kind(istio, 'Gateway', 'gateways', ['gw'], istioOld),
]);

const byVersionAndKind: ReadonlyMap<string, RuleKind> = new Map(
  ruleKinds.flatMap((entry) =>
    [entry.apiVersion, ...entry.convertsFrom].map((version) => [`${version} ${entry.kind}`, entry] as const),
  ),
);

/** The kind of a manifest that says so, also in an older version of it; undefined: not understood. */
export function ruleKindOf(apiVersion: string, kind: string): RuleKind | undefined {
  return byVersionAndKind.get(`${apiVersion} ${kind}`);
}

function kind(
  apiVersion: string,
  kind: string,
  plural: string,
  shortNames: readonly string[],
  convertsFrom: readonly string[] = [],
): RuleKind {
  return Object.freeze({ apiVersion, kind, plural, shortNames, namespaced: true, convertsFrom });
}

function clusterKind(...of: Parameters<typeof kind>): RuleKind {
  return Object.freeze({ ...kind(...of), namespaced: false });
}
