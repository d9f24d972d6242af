import type { Ingress, IngressBackend, IngressTls } from '../../../rules/kubernetes.ts';
import type { RuleOf } from '../../../rules/rule.ts';
import { edgeTable } from '../../route.ts';
import type { PlainRoute, PlanContext, TlsContribution, Translator } from '../contract.ts';
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
    const work = { rule, context, annotations, age: ageOf(rule) };
    const paths = pathRules(work);
    return {
      routes: [...paths, ...wwwRedirects(work, paths)],
      tlsHosts: annotations.draft.passthrough ? passedThrough(paths) : tlsHosts(work),
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
      for (const name of new Set([domain, ...annotations.draft.aliases])) {
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
    ...(annotations.draft.canary === undefined ? {} : { canary: annotations.draft.canary }),
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
  return {
    cluster: found.cluster,
    service: service.name,
    port: `${number ?? name ?? ''}`,
    ...(host === undefined ? {} : { host }),
  };
}

function tlsHosts({ rule, context, annotations, age }: Work): TlsContribution[] {
  const { tls = [], rules = [] } = rule.manifest.spec;
  const { clientAuth } = annotations.draft;
  const ruleHosts = rules.map(({ host = '' }) => host.toLowerCase());
  const found: TlsContribution[] = [];
  const say = (serverName: string, certificate: string | undefined, position: number, path: string): void => {
    // Without one of its own it gets the edge's anyhow, but nobody else asks for the client's.
    const shown = certificate ?? (clientAuth === undefined ? undefined : context.edgeCertificate(serverName));
    if (shown === undefined) return;
    const rank = rankByAge(age, position);
    found.push({
      table: edgeTable,
      serverName,
      rank,
      action: terminate([shown], edgeTable, clientAuth),
      path,
    });
  };
  for (const [index, entry] of tls.entries()) {
    const where = `spec.tls[${index}]`;
    const certificate = certificateOf(entry, rule.namespace, context, `${where}.secretName`);
    const named = entry.hosts?.length ? entry.hosts : undefined;
    for (const [at, host] of (named ?? ruleHosts).entries()) {
      const path = named === undefined ? where : `${where}.hosts[${at}]`;
      const serverName = domainOf(host, context, path);
      if (serverName === undefined) continue;
      if (named !== undefined && !hasRuleFor(host.toLowerCase(), ruleHosts)) {
        const message = `no rule is for ${host}: its TLS works, and what is asked over it has no route of this Ingress`;
        context.report('warning', 'tls-host-without-rule', message, path);
      }
      say(serverName, certificate, index, path);
    }
  }
  if (clientAuth === undefined) return found;
  for (const [index, host] of ruleHosts.entries()) {
    const serverName = domainOf(host, context, `spec.rules[${index}].host`);
    if (serverName === undefined || found.some((one) => one.serverName === serverName)) continue;
    say(serverName, undefined, tls.length, `spec.rules[${index}].host`);
  }
  return found;
}

/** `ssl-passthrough`: what the host's root leads to, else its first path. */
function passedThrough(paths: readonly IngressPathRule[]): TlsContribution[] {
  const byHost = Map.groupBy(paths, ({ host }) => host);
  byHost.delete('*');
  return [...byHost].flatMap(([serverName, all]) => {
    const chosen = all.find(({ value }) => value === '/') ?? all[0];
    if (chosen === undefined || !('cluster' in chosen.backend)) return [];
    const { cluster } = chosen.backend;
    const action = { type: 'passthrough' as const, targets: [{ weight: 1, cluster }] };
    const { age, position, path } = chosen;
    return [{ table: edgeTable, serverName, rank: rankByAge(age, position), action, path }];
  });
}

/** `from-to-www-redirect`: the other name of each host leads to it, unless it has rules of its own here. */
function wwwRedirects({ context, annotations, age }: Work, paths: readonly IngressPathRule[]): PlainRoute[] {
  if (!annotations.draft.wwwRedirect) return [];
  const hosts = new Set(paths.map(({ host }) => host));
  return [...hosts].flatMap((host) => {
    const other = host.startsWith('www.') ? host.slice('www.'.length) : `www.${host}`;
    if (/^[*?]/.test(host) || hosts.has(other)) return [];
    return [
      {
        type: 'route' as const,
        table: edgeTable,
        host: other,
        rank: rankOfDefault(age),
        route: Object.freeze({
          name: `${context.subject}/www`,
          match: { path: { type: 'prefix' as const, value: '/' } },
          action: { type: 'redirect' as const, status: 308, host },
          timeoutMs: 0,
          retry: { retries: 0, on: [], perTryTimeoutMs: 0 },
        }),
        path: 'metadata.annotations["nginx.ingress.kubernetes.io/from-to-www-redirect"]',
      },
    ];
  });
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
