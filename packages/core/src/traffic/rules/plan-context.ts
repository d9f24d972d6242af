import type { CatalogReader } from '../../catalog/reader.ts';
import type { Secret } from '../../rules/kubernetes.ts';
import type { AnyManifest, RuleOf } from '../../rules/rule.ts';
import { clusterNameOf, type ServiceKey } from '../derived-names.ts';
import type { EndpointSet } from '../endpoints.ts';
import type { Certificate, Diagnostic } from '../model.ts';
import type { Backends } from './backends.ts';
import type { SecretCertificates } from './certificates.ts';
import { type ClusterBase, type ClusterVariant, variantName } from './cluster-table.ts';
import type { Backend, BackendProblem, PlanContext, PortRef, RuleSettings } from './contract.ts';
import type { EdgeCertificates } from './edge-certificates.ts';
import { readableRule, readRule } from './readable-rule.ts';

/** Names of what can be looked at. */
export const thing = Object.freeze({
  rule: (apiVersion: string, kind: string, namespace: string, name: string): string =>
    `rule ${apiVersion} ${kind} ${namespace}/${name}`,
  rules: (apiVersion: string, kind: string, namespace?: string): string =>
    `rules ${apiVersion} ${kind}${namespace === undefined ? '' : ` ${namespace}`}`,
  backend: (key: string): string => `backend ${key}`,
  certificate: (namespace: string, secret: string): string => `certificate ${namespace}/${secret}`,
  edge: 'edge',
});

interface Surroundings {
  readonly catalog: CatalogReader;
  readonly backends: Backends;
  readonly edge: EdgeCertificates;
  readonly settings: RuleSettings;
  readonly subject: string;
  readonly secrets: SecretCertificates;
  planned(key: ServiceKey): EndpointSet | undefined;
}

/** A context, and what one translation asked for through it. */
export interface Asked {
  readonly context: PlanContext;
  readonly things: ReadonlySet<string>;
  readonly variants: ReadonlyMap<string, ClusterVariant>;
  readonly fixed: ReadonlyMap<string, ClusterBase>;
  readonly certificates: ReadonlyMap<string, Certificate>;
  readonly found: Diagnostic[];
}

export function createContext(around: Surroundings): Asked {
  const { catalog, backends, edge, settings, subject } = around;
  const things = new Set<string>();
  const variants = new Map<string, ClusterVariant>();
  const fixed = new Map<string, ClusterBase>();
  const certificates = new Map<string, Certificate>();
  const found: Diagnostic[] = [];

  function backend(namespace: string, name: string): Backend | undefined {
    const key = `${namespace}/${name}`;
    things.add(thing.backend(key));
    const defined = backends.get(key);
    if (defined !== undefined) return defined;
    if (around.planned(key) === undefined) return undefined;
    return { key, type: 'registrations', ports: [], headless: false };
  }

  function rule<M extends AnyManifest>(
    apiVersion: M['apiVersion'],
    kind: M['kind'],
    namespace: string,
    name: string,
  ): RuleOf<M> | undefined {
    things.add(thing.rule(apiVersion, kind, namespace, name));
    return readRule<M>(catalog, apiVersion, kind, namespace, name);
  }

  const context: PlanContext = {
    settings,
    subject,
    rule,

    rules<M extends AnyManifest>(apiVersion: M['apiVersion'], kind: M['kind'], namespace?: string) {
      things.add(thing.rules(apiVersion, kind, namespace));
      const rules: RuleOf<M>[] = [];
      for (const { record } of catalog.rules(apiVersion, kind, namespace)) {
        const one = readableRule(record);
        if (one !== undefined) rules.push(one as unknown as RuleOf<M>);
      }
      return rules;
    },

    backend,

    backendPort(namespace, name, port, protocol = 'TCP') {
      const of = backend(namespace, name);
      if (of === undefined) {
        const message = `there is no service ${name} in namespace ${namespace}, neither as a manifest nor registered`;
        return { problem: 'no-service', message };
      }
      const matches = of.ports.filter((one) =>
        'number' in port ? one.port === port.number : one.name === port.name,
      );
      const match = matches.find(({ protocol: of }) => of === protocol) ?? matches[0];
      if (match !== undefined) return match;
      if (of.type === 'registrations') {
        const cluster = clusterNameOf(namespace, name);
        return { name: '', port: 'number' in port ? port.number : 0, protocol: 'TCP', cluster };
      }
      if (of.externalName !== undefined && 'number' in port) {
        const cluster = externalCluster(of.key, of.externalName, port.number);
        return { name: '', port: port.number, protocol: 'TCP', cluster };
      }
      return noPort(of, port);
    },

    cluster(base, { subset, settings: own }) {
      const variant = {
        base,
        ...(subset === undefined ? {} : { subset }),
        ...(own === undefined || Object.keys(own).length === 0 ? {} : { settings: own }),
      };
      const name = variantName(variant);
      if (name !== base) variants.set(name, variant);
      return name;
    },

    fixedCluster(id, endpoints, own = {}) {
      const name = `fixed:${subject}/${id}`;
      const sources = [{ type: 'fixed' as const, endpoints }];
      fixed.set(name, { name, backend: name, port: undefined, sources, settings: own });
      return name;
    },

    certificate(namespace, name) {
      things.add(thing.certificate(namespace, name));
      const secret = readRule<Secret>(catalog, 'v1', 'Secret', namespace, name);
      const made = around.secrets.read(secret, namespace, name);
      if (typeof made === 'string') return { problem: made };
      certificates.set(made.name, made);
      return { name: made.name };
    },

    edgeCertificate(serverName) {
      things.add(thing.edge);
      return edge.nameFor(serverName);
    },

    report(severity, code, message, path) {
      found.push({ severity, code, subject, message, ...(path === undefined ? {} : { path }) });
    },
  };

  /** An ExternalName has every port. */
  function externalCluster(key: string, address: string, port: number): string {
    const name = `fixed:service/${key}:${port}`;
    const sources = [{ type: 'fixed' as const, endpoints: [{ address, port }] }];
    fixed.set(name, { name, backend: key, port, sources, settings: {} });
    return name;
  }

  return { context, things, variants, fixed, certificates, found };
}

function noPort(of: Backend, port: PortRef): BackendProblem {
  const asked = 'number' in port ? `port ${port.number}` : `port named ${port.name}`;
  const names = of.ports.map((one) => (one.name === '' ? `${one.port}` : `${one.port} (${one.name})`));
  const has = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
  return { problem: 'no-port', message: `service ${of.key} has no ${asked}: ${has}` };
}
