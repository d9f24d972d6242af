import type { Ingress, IngressBackend, IngressTls } from '../../../rules/kubernetes.ts';
import type { RuleOf } from '../../../rules/rule.ts';
import { edgeTable } from '../../route.ts';
import type { PlanContext, TlsContribution, Translator } from '../contract.ts';
import { terminate } from '../edge-certificates.ts';
import { type Age, ageOf, rankByAge, rankBySpecificity, rankOfDefault } from '../rank.ts';
import { type IngressAnnotations, readAnnotations } from './annotations.ts';
import { isOurs } from './class.ts';
import { coversHost, domainOf } from './domain.ts';
import type { IngressPathRule, IngressTarget } from './path-rule.ts';

/** networking/v1 Ingress, with ingress-nginx's annotations. */
export const ingressTranslator: Translator<Ingress> = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  translate(rule, context) {
    if (!isOurs(rule, context)) return {};
    const annotations = readAnnotations(rule, context);
    return {
      routes: pathRules({ rule, context, annotations, age: ageOf(rule) }),
      tlsHosts: tlsHosts(rule, context),
    };
  },
};

/** What the parts of one translation share. */
interface Work {
  readonly rule: RuleOf<Ingress>;
  readonly context: PlanContext;
  readonly annotations: IngressAnnotations;
  readonly age: Age;
}

function pathRules(work: Work): IngressPathRule[] {
  const { rule, context, annotations } = work;
  const { spec } = rule.manifest;
  const rules: IngressPathRule[] = [];
  const hosts = new Set<string>();
  let position = 0;
  for (const [index, { host, http }] of (spec.rules ?? []).entries()) {
    const domain = domainOf(host, context, `spec.rules[${index}].host`);
    if (domain === undefined) continue;
    hosts.add(domain);
    for (const [at, path] of (http?.paths ?? []).entries()) {
      const where = `spec.rules[${index}].http.paths[${at}]`;
      const value = pathOf(path, context, `${where}.path`);
      if (value === undefined) continue;
      const backend = targetOf(work, path.backend, `${where}.backend`);
      const { pathType } = path;
      for (const name of [domain, ...annotations.aliases]) {
        rules.push({
          ...common(work, name),
          rank: rankBySpecificity(
            { exact: pathType === 'Exact', length: lengthOf(value, pathType) },
            'ingress',
            work.age,
            position,
          ),
          position,
          path: where,
          name: `${context.subject}/${index}/${at}`,
          pathType,
          value,
          backend,
        });
      }
      position += 1;
    }
  }
  if (spec.defaultBackend !== undefined) {
    const backend = targetOf(work, spec.defaultBackend, 'spec.defaultBackend');
    for (const host of hosts.add('*')) {
      rules.push({
        ...common(work, host),
        rank: rankOfDefault(work.age),
        position,
        path: 'spec.defaultBackend',
        name: `${context.subject}/default`,
        pathType: 'default',
        value: '/',
        backend,
      });
    }
  }
  return rules;
}

function common({ rule, annotations, age }: Work, host: string) {
  const tls = rule.manifest.spec.tls ?? [];
  return {
    type: 'ingress-path' as const,
    table: edgeTable,
    host,
    age,
    behaviour: coversHost(tls, host) ? annotations.behaviourWithTls : annotations.behaviour,
    ...(annotations.canary === undefined ? {} : { canary: annotations.canary }),
  };
}

/** A trailing slash of a `Prefix` does not matter. */
function lengthOf(value: string, pathType: string): number {
  return pathType === 'Prefix' && value.length > 1 && value.endsWith('/') ? value.length - 1 : value.length;
}

/** Undefined: nothing can match it, which is reported. */
function pathOf(
  { path = '/', pathType }: { readonly path?: string; readonly pathType: string },
  context: PlanContext,
  where: string,
): string | undefined {
  if (path.startsWith('/')) return path;
  if (path === '' && pathType === 'ImplementationSpecific') return '/';
  context.report(
    'error',
    'path-invalid',
    `"${path}" does not begin with a slash, so that no request has it: write "/${path}"`,
    where,
  );
  return undefined;
}

/** ingress-nginx answers 503 for what is not there. */
const brokenStatus = 503;

function targetOf({ rule, context }: Work, backend: IngressBackend, where: string): IngressTarget {
  const { service, resource } = backend;
  if (service === undefined) {
    const what = resource === undefined ? 'nothing' : `a ${resource.kind}`;
    const message = `the backend is ${what}, and only services can be sent requests: name a service; its requests are answered 503`;
    context.report('error', 'backend-unsupported', message, where);
    return { status: brokenStatus };
  }
  const { name, number } = service.port ?? {};
  const port = number === undefined ? { name: name ?? '' } : { number };
  const found = context.backendPort(rule.namespace, service.name, port);
  if ('problem' in found) {
    const code = found.problem === 'no-service' ? 'service-missing' : 'service-port-missing';
    context.report('error', code, `${found.message}; its requests are answered 503`, `${where}.service`);
    return { status: brokenStatus };
  }
  const host = context.backend(rule.namespace, service.name)?.externalName;
  return { cluster: found.cluster, ...(host === undefined ? {} : { host }) };
}

function tlsHosts(rule: RuleOf<Ingress>, context: PlanContext): TlsContribution[] {
  const { tls = [], rules = [] } = rule.manifest.spec;
  const ruleHosts = rules.map(({ host = '' }) => host.toLowerCase());
  const found: TlsContribution[] = [];
  const age = ageOf(rule);
  for (const [index, entry] of tls.entries()) {
    const where = `spec.tls[${index}]`;
    const certificate = certificateOf(entry, rule.namespace, context, `${where}.secretName`);
    const hosts = entry.hosts?.length ? entry.hosts : ruleHosts;
    for (const [at, host] of hosts.entries()) {
      const path = entry.hosts?.length ? `${where}.hosts[${at}]` : where;
      const serverName = domainOf(host, context, path);
      if (serverName === undefined) continue;
      if (entry.hosts?.length && !hasRuleFor(host.toLowerCase(), ruleHosts)) {
        const message = `no rule is for ${host}: its TLS works, and what is asked over it has no route of this Ingress`;
        context.report('warning', 'tls-host-without-rule', message, path);
      }
      if (certificate === undefined) continue;
      const rank = rankByAge(age, index);
      const action = terminate([certificate], edgeTable);
      found.push({ table: edgeTable, serverName, rank, action, path });
    }
  }
  return found;
}

function hasRuleFor(host: string, ruleHosts: readonly string[]): boolean {
  const wildcard = `*${host.slice(host.indexOf('.'))}`;
  return ruleHosts.some((one) => one === '' || one === host || one === wildcard);
}

/** Undefined: the edge's own is shown. */
function certificateOf(
  { secretName }: IngressTls,
  namespace: string,
  context: PlanContext,
  where: string,
): string | undefined {
  if (secretName === undefined || secretName === '') return undefined;
  if (secretName.includes('/')) {
    const message = `"${secretName}" is in another namespace, and an Ingress may only use Secrets of its own: copy it to ${namespace}; until then the default certificate is shown`;
    context.report('error', 'secret-namespace', message, where);
    return undefined;
  }
  const found = context.certificate(namespace, secretName);
  if ('name' in found) return found.name;
  context.report('error', 'certificate-missing', `${found.problem}: the default certificate is shown`, where);
  return undefined;
}
