import type { GatewayResource, ParentRef } from '@portolan/core/rules/gateway-api.ts';
import type { Rule, RuleOf } from '@portolan/core/rules/rule.ts';
import type { Diagnostic } from '@portolan/core/traffic/model.ts';
import { ownControllers } from '@portolan/core/traffic/rules/gateway-api/names.ts';
import { attachmentsAt, type RoutesByGateway } from './attached-routes.ts';

/** As Kubernetes' API conventions have it, but for the time of the last change, which nobody keeps. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
}

/** What Gateway API's `status` says of its kinds. */
export interface GatewayStatus {
  readonly conditions?: readonly Condition[];
  readonly listeners?: readonly {
    readonly name: string;
    readonly attachedRoutes: number;
    readonly supportedKinds: readonly { readonly group: string; readonly kind: string }[];
    readonly conditions: readonly Condition[];
  }[];
  readonly parents?: readonly {
    readonly parentRef: ParentRef;
    readonly controllerName: string;
    readonly conditions: readonly Condition[];
  }[];
}

/** The condition that an error of the planner makes false. Its reason is the code in CamelCase, as the API names them. */
const conditionOf: ReadonlyMap<string, 'Accepted' | 'ResolvedRefs'> = new Map([
  ['no-matching-parent', 'Accepted'],
  ['not-allowed-by-listeners', 'Accepted'],
  ['no-matching-listener-hostname', 'Accepted'],
  ['unsupported-protocol', 'Accepted'],
  ['listener-conflict', 'Accepted'],
  ['unsupported-filter', 'Accepted'],
  ['backend-not-found', 'ResolvedRefs'],
  ['ref-not-permitted', 'ResolvedRefs'],
  ['invalid-kind', 'ResolvedRefs'],
  ['invalid-certificate-ref', 'ResolvedRefs'],
]);

/** The status of a resource by what the planner says about it; empty for kinds that have none. */
export function gatewayStatus(
  rule: Rule,
  diagnostics: readonly Diagnostic[],
  routes: () => RoutesByGateway,
): GatewayStatus {
  if (rule.apiVersion !== 'gateway.networking.k8s.io/v1') return {};
  const found = diagnostics.filter(({ code, severity }) => severity === 'error' && conditionOf.has(code));
  const generation = rule.manifest.metadata.generation ?? 0;
  switch (rule.ruleKind) {
    case 'GatewayClass': {
      const ours = ownControllers.includes(rule.manifest.spec.controllerName);
      return ours ? { conditions: [condition('Accepted', undefined, generation)] } : {};
    }
    case 'Gateway': {
      if (diagnostics.some(({ code }) => code === 'class-unknown')) return {};
      return statusOfGateway(rule, found, generation, routes());
    }
    case 'ReferenceGrant':
      return {};
    default:
      return statusOfRoute(rule.manifest.spec.parentRefs ?? [], found, generation);
  }
}

function statusOfGateway(
  gateway: RuleOf<GatewayResource>,
  found: readonly Diagnostic[],
  generation: number,
  routes: RoutesByGateway,
): GatewayStatus {
  const shown = (gateway.manifest.spec.listeners ?? []).map((listener, index) => {
    const own = found.filter(({ path = '' }) => isUnder(path, `spec.listeners[${index}]`));
    const conditions = conditionsFrom(own, generation);
    const works = own.length === 0;
    return {
      name: listener.name,
      ...attachmentsAt(gateway, listener, routes),
      conditions: [...conditions, programmed(works, generation)],
    };
  });
  const working = shown.filter(({ conditions }) =>
    conditions.every(({ status }) => status === 'True'),
  ).length;
  const first = found[0];
  const accepted =
    working > 0 || first === undefined
      ? condition('Accepted', undefined, generation)
      : { ...condition('Accepted', first, generation), reason: 'ListenersNotValid' };
  return { conditions: [accepted, programmed(working > 0, generation)], listeners: shown };
}

function programmed(works: boolean, observedGeneration: number): Condition {
  const message = works ? '' : 'No traffic is taken here: see the other conditions.';
  return {
    ...{ type: 'Programmed', status: works ? 'True' : 'False', reason: works ? 'Programmed' : 'Invalid' },
    ...{ message, observedGeneration },
  };
}

function statusOfRoute(
  parentRefs: readonly ParentRef[],
  found: readonly Diagnostic[],
  generation: number,
): GatewayStatus {
  const common = found.filter(({ path = '' }) => !path.startsWith('spec.parentRefs'));
  return {
    parents: parentRefs.map((parentRef, index) => {
      const own = found.filter(({ path = '' }) => isUnder(path, `spec.parentRefs[${index}]`));
      return {
        parentRef,
        controllerName: ownControllers[0] ?? '',
        conditions: conditionsFrom([...own, ...common], generation),
      };
    }),
  };
}

function conditionsFrom(found: readonly Diagnostic[], generation: number): readonly Condition[] {
  return (['Accepted', 'ResolvedRefs'] as const).map((type) =>
    condition(
      type,
      found.find(({ code }) => conditionOf.get(code) === type),
      generation,
    ),
  );
}

function condition(
  type: 'Accepted' | 'ResolvedRefs',
  failed: Diagnostic | undefined,
  observedGeneration: number,
): Condition {
  if (failed === undefined) return { type, status: 'True', reason: type, message: '', observedGeneration };
  return {
    type,
    status: 'False',
    reason: camelCase(failed.code),
    message: failed.message,
    observedGeneration,
  };
}

function camelCase(code: string): string {
  return code
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

function isUnder(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}.`) || path.startsWith(`${place}[`);
}
