import type { RuleRecord } from '../catalog/records.ts';
import type {
  GatewayClass,
  GatewayResource,
  GRPCRoute,
  HTTPRoute,
  ReferenceGrant,
  TCPRoute,
  TLSRoute,
  UDPRoute,
} from './gateway-api.ts';
import type { DestinationRule, IstioGateway, ServiceEntry, VirtualService } from './istio.ts';
import type {
  ConfigMap,
  EndpointSlice,
  Endpoints,
  Ingress,
  IngressClass,
  Secret,
  Service,
} from './kubernetes.ts';
import { ruleKindOf } from './rule-kinds.ts';

/** Every manifest that can be stored. */
export type AnyManifest =
  | Service
  | Endpoints
  | EndpointSlice
  | Secret
  | ConfigMap
  | Ingress
  | IngressClass
  | GatewayClass
  | GatewayResource
  | HTTPRoute
  | GRPCRoute
  | TLSRoute
  | TCPRoute
  | UDPRoute
  | ReferenceGrant
  | VirtualService
  | DestinationRule
  | ServiceEntry
  | IstioGateway;

/** A `RuleRecord` whose manifest is of type `M`. */
export type RuleOf<M extends AnyManifest> = Omit<RuleRecord, 'apiVersion' | 'ruleKind' | 'manifest'> & {
  readonly apiVersion: M['apiVersion'];
  readonly ruleKind: M['kind'];
  readonly manifest: M;
};

/**
 * A typed view upon a record; tell them apart by `manifest.kind` and, for the two gateways, `manifest.apiVersion`:
 * `rule.ruleKind === 'Ingress'` narrows `rule.manifest` to `Ingress`.
 */
export type Rule = AnyManifest extends infer M ? (M extends AnyManifest ? RuleOf<M> : never) : never;

/**
 * The typed view of a record that was read by the reader of manifests, which has checked its shape. Undefined: it is something else (a
 * prepared query), or of a version or kind that is not understood.
 */
export function ruleOf(record: RuleRecord): Rule | undefined {
  const known = ruleKindOf(record.apiVersion, record.ruleKind);
  // An older version is converted before it is stored: one that still is there was written by somebody else.
  return known?.apiVersion === record.apiVersion ? (record as unknown as Rule) : undefined;
}
