import type { AnyManifest } from '@portolan/core/rules/rule.ts';
import * as gateway from './kinds/gateway-api.ts';
import { ingress } from './kinds/ingress.ts';
import * as istio from './kinds/istio.ts';
import * as kubernetes from './kinds/kubernetes.ts';
import { secret } from './kinds/secret.ts';
import type { Schema } from './schema.ts';

/** The schema of every kind of `ruleKinds`. A test holds the two together. */
export function kindSchemas(nowMs: number): ReadonlyMap<string, Schema<AnyManifest>> {
  return new Map<string, Schema<AnyManifest>>([
    ['v1 Service', kubernetes.service],
    ['v1 Endpoints', kubernetes.endpoints],
    ['v1 Secret', secret(nowMs)],
    ['v1 ConfigMap', kubernetes.configMap],
    ['discovery.k8s.io/v1 EndpointSlice', kubernetes.endpointSlice],
    ['networking.k8s.io/v1 Ingress', ingress],
    ['networking.k8s.io/v1 IngressClass', kubernetes.ingressClass],
    ['gateway.networking.k8s.io/v1 GatewayClass', gateway.gatewayClass],
    ['gateway.networking.k8s.io/v1 Gateway', gateway.gateway],
    ['gateway.networking.k8s.io/v1 HTTPRoute', gateway.httpRoute],
    ['gateway.networking.k8s.io/v1 GRPCRoute', gateway.grpcRoute],
    ['gateway.networking.k8s.io/v1 TLSRoute', gateway.tlsRoute],
    ['gateway.networking.k8s.io/v1 TCPRoute', gateway.tcpRoute],
    ['gateway.networking.k8s.io/v1 UDPRoute', gateway.udpRoute],
    ['gateway.networking.k8s.io/v1 ReferenceGrant', gateway.referenceGrant],
    ['networking.istio.io/v1 VirtualService', istio.virtualService],
    ['networking.istio.io/v1 DestinationRule', istio.destinationRule],
    ['networking.istio.io/v1 ServiceEntry', istio.serviceEntry],
    ['networking.istio.io/v1 Gateway', istio.istioGateway],
  ]);
}
