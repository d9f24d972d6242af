import type { GatewayResource, LabelSelector, ParentRef } from '../../../rules/gateway-api.ts';
import type { PlanContext } from '../contract.ts';
import { builtInOpenings, isOurClass, type Opening, openingsOf } from './listeners.ts';
import { gatewayApi, gatewayGroup, ownName } from './names.ts';

/** Which kinds of route a listener takes that does not say so. */
export const kindsOf: Readonly<Record<Opening['protocol'], readonly string[]>> = {
  HTTP: ['HTTPRoute', 'GRPCRoute'],
  HTTPS: ['HTTPRoute', 'GRPCRoute'],
  TLS: ['TLSRoute', 'TCPRoute'],
  TCP: ['TCPRoute'],
  UDP: ['UDPRoute'],
};

/** Where a route of `kind` is attached: the listeners of its parents that take it. What keeps it out is reported. */
export function attachmentsOf(
  parents: readonly ParentRef[] | undefined,
  route: { readonly kind: string; readonly namespace: string },
  context: PlanContext,
): Opening[] {
  const found: Opening[] = [];
  for (const [index, parent] of (parents ?? []).entries()) {
    const path = `spec.parentRefs[${index}]`;
    const kind = parent.kind ?? 'Gateway';
    if (kind !== 'Gateway' || (parent.group ?? gatewayGroup) !== gatewayGroup) {
      const message = `a ${kind} cannot be the parent of a route here: name a Gateway, such as portolan`;
      context.report('warning', 'parent-unsupported', message, `${path}.kind`);
      continue;
    }
    for (const opening of openingsOfParent(parent, route, context, path)) {
      if (!found.some((one) => one.name === opening.name && one.table === opening.table)) found.push(opening);
    }
  }
  if (parents === undefined || parents.length === 0) {
    const message =
      'it has no parent and gets no traffic: add `parentRefs: [{name: portolan}]` for the built-in gateway';
    context.report('warning', 'no-parent', message, 'spec.parentRefs');
  }
  return found;
}

function openingsOfParent(
  parent: ParentRef,
  route: { readonly kind: string; readonly namespace: string },
  context: PlanContext,
  path: string,
): Opening[] {
  const namespace = parent.namespace ?? route.namespace;
  const gateway = context.rule<GatewayResource>(gatewayApi, 'Gateway', namespace, parent.name);
  if (gateway === undefined && parent.name !== ownName) {
    const message = `there is no Gateway ${parent.name} in namespace ${namespace}: apply it, or name portolan, the built-in one`;
    context.report('error', 'no-matching-parent', message, path);
    return [];
  }
  if (gateway !== undefined && !isOurClass(gateway.manifest.spec.gatewayClassName, context)) return [];
  const all = gateway === undefined ? builtInOpenings(context, parent.port) : openingsOf(gateway, context);
  const named = all.filter(
    ({ name, port, listener }) =>
      (parent.sectionName === undefined || parent.sectionName === name) &&
      (parent.port === undefined || listener === undefined || parent.port === port),
  );
  if (named.length === 0) {
    const names = all.map(({ name, port }) => `${name} (${port})`).join(', ');
    const message = `Gateway ${parent.name} has no such listener: it has ${names === '' ? 'none' : names}`;
    context.report('error', 'no-matching-parent', message, path);
    return [];
  }
  const fitting = named.filter((opening) => takesKind(opening, route.kind));
  const open = fitting.filter((opening) => takesNamespace(opening, namespace, route.namespace));
  if (open.length === 0) {
    const message =
      fitting.length === 0
        ? `no listener of Gateway ${parent.name} that is meant takes ${route.kind}s`
        : `no listener of Gateway ${parent.name} that is meant takes routes of namespace ${route.namespace}: its allowedRoutes says who may`;
    context.report('error', 'not-allowed-by-listeners', message, path);
  }
  return open;
}

export function takesKind(
  { protocol, listener, passthrough }: Pick<Opening, 'protocol' | 'listener' | 'passthrough'>,
  kind: string,
): boolean {
  const kinds = listener?.allowedRoutes?.kinds;
  if (passthrough && kind === 'TCPRoute') return false;
  if (!kindsOf[protocol].includes(kind)) return false;
  return (
    !kinds?.length || kinds.some((one) => one.kind === kind && (one.group ?? gatewayGroup) === gatewayGroup)
  );
}

export function takesNamespace({ listener }: Pick<Opening, 'listener'>, own: string, other: string): boolean {
  if (listener === undefined) return true;
  const { from = 'Same', selector } = listener.allowedRoutes?.namespaces ?? {};
  switch (from) {
    case 'All':
      return true;
    case 'Same':
      return own === other;
    case 'None':
      return false;
    case 'Selector':
      return selects(selector, { 'kubernetes.io/metadata.name': other });
  }
}

/** Namespaces have no labels of their own here: only the one that Kubernetes gives each. */
function selects(selector: LabelSelector | undefined, labels: Readonly<Record<string, string>>): boolean {
  if (selector === undefined) return false;
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every((expression) => holds(expression, labels))
  );
}

type Expression = NonNullable<LabelSelector['matchExpressions']>[number];

function holds(
  { key, operator, values = [] }: Expression,
  labels: Readonly<Record<string, string>>,
): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}
