import type { Ingress } from '../../../rules/kubernetes.ts';
import type { RuleOf } from '../../../rules/rule.ts';
import { retryDefaults, routeTimeoutMs } from '../../defaults.ts';
import type { PlanContext } from '../contract.ts';
import { accessAnnotations } from './annotations/access.ts';
import { affinityAnnotations } from './annotations/affinity.ts';
import { canaryAnnotations } from './annotations/canary.ts';
import { corsAnnotations } from './annotations/cors.ts';
import { type AnnotationDraft, type AnnotationGroup, emptyDraft } from './annotations/draft.ts';
import { errorAnnotations } from './annotations/errors.ts';
import { headerAnnotations } from './annotations/headers.ts';
import { limitAnnotations } from './annotations/limits.ts';
import { pathAnnotations } from './annotations/paths.ts';
import { createAnnotationReader } from './annotations/reader.ts';
import { redirectAnnotations } from './annotations/redirects.ts';
import { refusedAnnotations } from './annotations/refused.ts';
import { timeoutAnnotations } from './annotations/timeouts.ts';
import { tlsAnnotations } from './annotations/tls.ts';
import { upstreamAnnotations } from './annotations/upstream.ts';
import type { PathBehaviour } from './path-rule.ts';

const groups: readonly AnnotationGroup[] = Object.freeze([
  redirectAnnotations,
  pathAnnotations,
  timeoutAnnotations,
  limitAnnotations,
  upstreamAnnotations,
  affinityAnnotations,
  canaryAnnotations,
  accessAnnotations,
  corsAnnotations,
  errorAnnotations,
  headerAnnotations,
  tlsAnnotations,
  refusedAnnotations,
]);

/** What the annotations of one Ingress say. */
export interface IngressAnnotations {
  readonly draft: Readonly<AnnotationDraft>;
  readonly behaviour: PathBehaviour;
  /** For hosts that its `tls` section covers. */
  readonly behaviourWithTls: PathBehaviour;
}

/** Reads `nginx.ingress.kubernetes.io/…` by ingress-nginx's meaning; what cannot be done is reported. */
export function readAnnotations(rule: RuleOf<Ingress>, context: PlanContext): IngressAnnotations {
  const read = createAnnotationReader(rule.manifest.metadata.annotations ?? {}, context);
  const draft = emptyDraft();
  if (read.any) {
    for (const group of groups) group(read, draft, { rule, context });
    read.finish();
  }
  const { rewriteTarget, appRoot, redirect, idleTimeoutMs, sticky, policies } = draft;
  const behaviour: PathBehaviour = {
    regex: draft.useRegex || rewriteTarget !== undefined,
    ...(rewriteTarget === undefined ? {} : { rewriteTarget }),
    tls: false,
    sslRedirect: draft.sslRedirect,
    forceSslRedirect: draft.forceSslRedirect,
    httpsPort: context.settings.httpsPort,
    ...(appRoot === undefined ? {} : { appRoot }),
    ...(redirect === undefined ? {} : { redirect }),
    denied: read.denied,
    timeoutMs: routeTimeoutMs,
    ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
    retry: draft.retry ?? retryDefaults,
    policies,
    ...(sticky === undefined ? {} : { sticky }),
    stickyAtPath: draft.stickyAtPath,
    balance: draft.balance,
    transport: draft.transport,
  };
  return { draft, behaviour, behaviourWithTls: { ...behaviour, tls: true } };
}
