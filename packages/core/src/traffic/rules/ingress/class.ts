import type { Ingress, IngressClass } from '../../../rules/kubernetes.ts';
import type { RuleOf } from '../../../rules/rule.ts';
import { clusterScope } from '../../../rules/rule-kinds.ts';
import type { PlanContext } from '../contract.ts';

/** Classes that are ours without anyone defining them. */
const ownClasses: readonly string[] = Object.freeze(['portolan', 'nginx']);

/** What `IngressClass.spec.controller` says of a class that is ours. */
const ownControllers: readonly string[] = Object.freeze([
  'portolan',
  'portolan/ingress',
  'k8s.io/ingress-nginx',
]);

const classAnnotation = 'kubernetes.io/ingress.class';

/**
 * Whether the Ingress is for us, as ingress-nginx decides it: the class that `ingressClassName` names, whatever the annotation says; else
 * the annotation; without both it is.
 */
export function isOurs(rule: RuleOf<Ingress>, context: Pick<PlanContext, 'rule' | 'report'>): boolean {
  const { metadata, spec } = rule.manifest;
  const name = spec.ingressClassName;
  if (name === undefined || name === '') {
    const annotated = metadata.annotations?.[classAnnotation] ?? '';
    return annotated === '' || ownClasses.includes(annotated);
  }
  const defined = context.rule<IngressClass>('networking.k8s.io/v1', 'IngressClass', clusterScope, name);
  if (defined === undefined) {
    if (ownClasses.includes(name)) return true;
    context.report(
      'info',
      'class-unknown',
      `there is no IngressClass ${name}: it is left to others; name portolan or nginx, or none, to have it here`,
      'spec.ingressClassName',
    );
    return false;
  }
  const controller = defined.manifest.spec?.controller;
  return controller === undefined ? ownClasses.includes(name) : ownControllers.includes(controller);
}
