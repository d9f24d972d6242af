import type { Ingress } from '../../../rules/kubernetes.ts';
import type { RuleOf } from '../../../rules/rule.ts';
import { retryDefaults, routeTimeoutMs } from '../../defaults.ts';
import type { PlanContext } from '../contract.ts';
import type { Canary, PathBehaviour } from './path-rule.ts';

/** What the annotations of one Ingress say. */
export interface IngressAnnotations {
  readonly behaviour: PathBehaviour;
  /** For hosts that its `tls` section covers. */
  readonly behaviourWithTls: PathBehaviour;
  readonly canary?: Canary;
  /** Domains besides each rule's own. */
  readonly aliases: readonly string[];
}

export function readAnnotations(_rule: RuleOf<Ingress>, context: PlanContext): IngressAnnotations {
  const behaviour: PathBehaviour = {
    regex: false,
    tls: false,
    sslRedirect: true,
    forceSslRedirect: false,
    httpsPort: context.settings.httpsPort,
    timeoutMs: routeTimeoutMs,
    retry: retryDefaults,
    policies: {},
    balance: {},
    transport: {},
  };
  return { behaviour, behaviourWithTls: { ...behaviour, tls: true }, aliases: [] };
}
