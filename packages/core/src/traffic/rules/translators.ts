import type { AnyManifest } from '../../rules/rule.ts';
import { streamServicesTranslator } from './config-map/stream-services.ts';
import type { Translator } from './contract.ts';
import { gatewayTranslator } from './gateway-api/gateway.ts';
import { grpcRouteTranslator } from './gateway-api/grpc-route.ts';
import { httpRouteTranslator } from './gateway-api/http-route.ts';
import { tcpRouteTranslator, tlsRouteTranslator, udpRouteTranslator } from './gateway-api/stream-routes.ts';
import { ingressTranslator } from './ingress/translate.ts';
import { destinationRuleTranslator } from './istio/destination-rule.ts';
import { istioGatewayTranslator } from './istio/gateway.ts';
import { virtualServiceTranslator } from './istio/virtual-service.ts';
import { serviceTranslator } from './service/translate.ts';

/** Every kind of rule that is planned. A kind is a file beside the others and a line here. */
export const translators: readonly Translator[] = Object.freeze([
  asAny(serviceTranslator),
  asAny(streamServicesTranslator),
  asAny(ingressTranslator),
  asAny(gatewayTranslator),
  asAny(httpRouteTranslator),
  asAny(grpcRouteTranslator),
  asAny(tcpRouteTranslator),
  asAny(tlsRouteTranslator),
  asAny(udpRouteTranslator),
  asAny(istioGatewayTranslator),
  asAny(virtualServiceTranslator),
  asAny(destinationRuleTranslator),
]);

/** It is only ever given rules of its own kind. */
function asAny<M extends AnyManifest>(translator: Translator<M>): Translator {
  return translator as unknown as Translator;
}
