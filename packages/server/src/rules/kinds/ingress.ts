import type {
  Ingress,
  IngressBackend,
  IngressPath,
  IngressRule,
  IngressSpec,
  IngressTls,
} from '@portolan/core/rules/kubernetes.ts';
import type { At } from '../at.ts';
import { checkPath, hostName, serviceName } from '../formats.ts';
import { anyText, list, object, oneOf, someText, text } from '../schema.ts';
import { port } from './kubernetes.ts';
import { manifest, objectName } from './metadata.ts';

type ServicePort = NonNullable<Required<IngressBackend>['service']['port']>;

const backend = object<IngressBackend>(
  [],
  {
    service: object<Required<IngressBackend>['service']>(['name'], {
      name: serviceName,
      port: object<ServicePort>([], { name: someText, number: port }, ({ name, number }, at) => {
        if ((name === undefined) === (number === undefined)) {
          at.error('contradiction', 'must have exactly one of name and number');
        }
      }),
    }),
    resource: object<Required<IngressBackend>['resource']>(['kind', 'name'], {
      apiGroup: anyText,
      kind: someText,
      name: objectName,
    }),
  },
  ({ service, resource }, at) => {
    if ((service === undefined) === (resource === undefined)) {
      at.error('contradiction', 'must have exactly one of service and resource');
    } else if (service !== undefined && service.port === undefined) {
      at.in('service', 'port').error('missing-field', 'is missing');
    }
  },
);

const ingressPath = object<IngressPath>(
  ['pathType', 'backend'],
  {
    path: text({ max: 4096 }),
    pathType: oneOf('Exact', 'Prefix', 'ImplementationSpecific'),
    backend,
  },
  ({ path, pathType }, at) => {
    if (path !== undefined && path !== '') {
      // With regular expressions ImplementationSpecific may begin otherwise; all the rest is a path.
      if (pathType === 'ImplementationSpecific' && !/^[\w.%~-]/.test(path)) return;
      checkIngressPath(path, pathType, at.in('path'));
    } else if (pathType !== 'ImplementationSpecific') {
      at.in('path').error('missing-field', `is missing: pathType ${pathType} needs one`, 'write path: /');
    }
  },
);

function checkIngressPath(path: string, pathType: IngressPath['pathType'], at: At): void {
  if (pathType === 'ImplementationSpecific') {
    if (!path.startsWith('/')) checkPath(path, at);
    return;
  }
  checkPath(path, at);
  if (path.includes('//')) at.error('bad-path', 'must not have two slashes in a row');
  if (/\/\.{1,2}(\/|$)/.test(path)) at.error('bad-path', 'must not have "." or ".." as a segment');
}

const rule = object<IngressRule>([], {
  host: hostName({ wildcard: true, empty: true }),
  http: object<Required<IngressRule>['http']>(['paths'], { paths: list(ingressPath, { min: 1, max: 5000 }) }),
});

const tls = object<IngressTls>([], {
  hosts: list(hostName({ wildcard: true }), { max: 5000 }),
  secretName: objectName,
});

const spec = object<IngressSpec>(
  [],
  {
    ingressClassName: objectName,
    defaultBackend: backend,
    tls: list(tls, { max: 1000 }),
    rules: list(rule, { max: 5000, check: checkRules }),
  },
  ({ rules = [], defaultBackend, tls: secured = [] }, at) => {
    if (rules.length === 0 && defaultBackend === undefined) {
      at.error('missing-field', 'must have rules or a defaultBackend');
    }
    checkTlsHosts(rules, secured, at.in('tls'));
  },
);

/** Two equal paths of one host: the second would never be reached. */
function checkRules(rules: readonly IngressRule[], at: At): void {
  const first = new Map<string, string>();
  for (const [index, { host = '', http }] of rules.entries()) {
    for (const [which, { path = '', pathType }] of (http?.paths ?? []).entries()) {
      const key = `${host} ${pathType} ${path}`;
      const before = first.get(key);
      if (before === undefined) {
        first.set(key, `rules[${index}].http.paths[${which}]`);
        continue;
      }
      const place = at.in(index, 'http', 'paths', which);
      place.error(
        'duplicate',
        `is the same ${pathType} path as ${before} of the same host, and is never reached`,
      );
    }
  }
}

function checkTlsHosts(rules: readonly IngressRule[], secured: readonly IngressTls[], at: At): void {
  if (rules.some(({ host = '' }) => host === '')) return;
  const served = new Set(rules.map(({ host = '' }) => host));
  const suffixes = new Set(rules.map(({ host = '' }) => host.slice(host.indexOf('.'))));
  for (const [index, { hosts = [] }] of secured.entries()) {
    for (const [which, host] of hosts.entries()) {
      const suffix = host.slice(host.indexOf('.'));
      const covers = host.startsWith('*.')
        ? suffixes.has(suffix)
        : served.has(host) || served.has(`*${suffix}`);
      if (!covers) at.in(index, 'hosts', which).warn('without-effect', `is ${host}, which no rule serves`);
    }
  }
}

export const ingress = manifest<Ingress>(['spec'], { spec });
