import { Fault } from '../../base/fault.ts';
import { sameJson } from '../../base/json.ts';
import type { CatalogReader } from '../../catalog/reader.ts';
import { parseRecordKey } from '../../catalog/record-key.ts';
import type { RecordKey, RuleRecord } from '../../catalog/records.ts';
import type { Secret } from '../../rules/kubernetes.ts';
import type { ServiceKey } from '../derived-names.ts';
import type { DiagnosticSet } from '../diagnostics.ts';
import type { EndpointSet } from '../endpoints.ts';
import type { Certificate, Diagnostic } from '../model.ts';
import type { OwnListeners } from '../own-listeners.ts';
import type { TrafficNames, TrafficTables } from '../tables.ts';
import { type Backends, createBackends, type RuleId } from './backends.ts';
import { createSecretCertificates } from './certificates.ts';
import {
  type ClusterBase,
  type ClusterTable,
  type ClusterVariant,
  createClusterTable,
} from './cluster-table.ts';
import {
  type Contributions,
  type EdgeCertificate,
  type RuleSettings,
  subjectOfRule,
  type Translator,
} from './contract.ts';
import { createDependencies } from './dependencies.ts';
import { createEdgeCertificates } from './edge-certificates.ts';
import { createHostTable, type HostTable } from './host-table.ts';
import { createNodePorts } from './node-ports.ts';
import { createContext, thing } from './plan-context.ts';
import { createPortTable, type PortTable } from './port-table.ts';
import { readableRule, readRule } from './readable-rule.ts';
import { createShared } from './shared.ts';
import { createSourceTable } from './source-table.ts';
import { createTlsTable, type TlsTable } from './tls-table.ts';

/**
 * Every rule's translation, and the tables in which what they bring comes together. A resource is translated again when it changes, or
 * something that it looked at; its hosts, ports and clusters are settled once, after all of them.
 */
export interface RulePlan {
  /** Where registered services bring what they bring. */
  readonly hosts: HostTable;
  readonly ports: PortTable;
  readonly tls: TlsTable;
  readonly clusters: ClusterTable;
  /** Before anything else of an update. */
  begin(catalog: CatalogReader, own: OwnListeners, edge: readonly EdgeCertificate[]): void;
  ruleChanged(key: RecordKey): void;
  /** A registered service has a cluster now, or has none any more. */
  serviceListed(key: ServiceKey): void;
  /** Brings the model up to date, and adds the names of what changed. */
  settle(changed: TrafficNames): void;
  clear(): void;
}

export interface RulePlanOptions {
  readonly translators: readonly Translator[];
  readonly settings: RuleSettings;
  readonly tables: TrafficTables;
  readonly diagnostics: DiagnosticSet;
  /** What the plan of a registered service has. Undefined: there is no such service, or it has no port. */
  planned(key: ServiceKey): EndpointSet | undefined;
}

export function createRulePlan(options: RulePlanOptions): RulePlan {
  const { tables, diagnostics, planned } = options;
  const translators = new Map(options.translators.map((one) => [`${one.apiVersion} ${one.kind}`, one]));
  const sources = createSourceTable(planned);
  const clusters = createClusterTable(tables.clusters, sources, planned);
  const backends: Backends = createBackends(clusters, diagnostics);
  const ports = createPortTable(tables.listeners, diagnostics);
  const tls = createTlsTable(tables.tlsHosts, diagnostics);
  const nodePorts = createNodePorts(diagnostics);
  const dependencies = createDependencies();
  const dirty = new Set<RecordKey>();
  /** As they were before: one that goes with its rule and comes back with another has not changed. */
  const touchedCertificates = new Map<string, Certificate | undefined>();
  const certificates = createShared<Certificate>((name, certificate) => {
    if (!touchedCertificates.has(name)) touchedCertificates.set(name, tables.certificates.get(name));
    if (certificate === undefined) tables.certificates.delete(name);
    else tables.certificates.set(name, certificate);
  });
  const variants = createShared<ClusterVariant>((name, variant) => clusters.setVariant(name, variant));
  const hosts = createHostTable(tables.virtualHosts, diagnostics, variants);
  const fixed = createShared<ClusterBase>((name, base) => clusters.setBase(name, base));
  const edge = createEdgeCertificates(certificates, tls);
  const { settings } = options;
  const around = { backends, edge, planned, settings, secrets: createSecretCertificates() };
  let catalog: CatalogReader;
  let own: OwnListeners;

  function touchReaders(of: string): void {
    for (const key of dependencies.readersOf(of)) dirty.add(key);
  }

  function secretChanged(namespace: string, name: string): void {
    const secret = readRule<Secret>(catalog, 'v1', 'Secret', namespace, name);
    const renew = (certificate: Certificate): void => certificates.renew(certificate.name, certificate);
    if (around.secrets.changed(secret, namespace, name, renew))
      touchReaders(thing.certificate(namespace, name));
  }

  function translateAll(): void {
    for (const key of dirty) {
      const parsed = parseRecordKey(key);
      if (parsed !== undefined) translateOne(key, idOf(parsed.parts));
    }
    dirty.clear();
  }

  function translateOne(key: RecordKey, id: RuleId): void {
    const record = catalog.rule(id.apiVersion, id.ruleKind, id.namespace, id.name)?.record;
    const translator = translators.get(`${id.apiVersion} ${id.ruleKind}`);
    const subject = subjectOfRule(id);
    const context = createContext({ ...around, catalog, subject });
    const brought =
      record === undefined || translator === undefined
        ? {}
        : translated(record, translator, context.context, context.found);
    hosts.set(key, subject, brought.routes ?? []);
    tls.set(key, subject, brought.tlsHosts ?? []);
    ports.set(key, subject, brought.listeners ?? []);
    nodePorts.set(key, subject, brought.nodePorts ?? []);
    clusters.setPolicies(key, brought.policies ?? []);
    certificates.set(key, context.certificates);
    variants.set(key, context.variants);
    fixed.set(key, context.fixed);
    dependencies.set(key, context.things);
    diagnostics.replace(`\0rule ${key}`, context.found);
  }

  return {
    hosts,
    ports,
    tls,
    clusters,

    begin(nextCatalog, nextOwn, edgeCertificates) {
      catalog = nextCatalog;
      own = nextOwn;
      sources.begin(nextCatalog, nextOwn);
      if (edge.set(edgeCertificates)) touchReaders(thing.edge);
    },

    ruleChanged(key) {
      const parsed = parseRecordKey(key);
      if (parsed === undefined) return;
      const id = idOf(parsed.parts);
      const { apiVersion, ruleKind, namespace, name } = id;
      const after = catalog.rule(apiVersion, ruleKind, namespace, name)?.record;
      backends.ruleChanged(key, after, id);
      if (translators.has(`${apiVersion} ${ruleKind}`)) dirty.add(key);
      if (apiVersion === 'v1' && ruleKind === 'Secret') secretChanged(namespace, name);
      touchReaders(thing.rule(apiVersion, ruleKind, namespace, name));
      touchReaders(thing.rules(apiVersion, ruleKind));
      touchReaders(thing.rules(apiVersion, ruleKind, namespace));
    },

    serviceListed(key) {
      touchReaders(thing.backend(key));
    },

    settle(changed) {
      for (const key of backends.settle(catalog)) touchReaders(thing.backend(key));
      translateAll();
      for (const [owner, listeners] of nodePorts.settle())
        ports.set(`${owner} node-ports`, subjectOfKey(owner), listeners);
      for (const name of hosts.settle()) changed.virtualHosts.add(name);
      for (const name of tls.settle()) changed.tlsHosts.add(name);
      for (const name of ports.settle(own)) changed.listeners.add(name);
      for (const name of clusters.settle()) changed.clusters.add(name);
      for (const [name, before] of touchedCertificates) {
        if (!sameJson(before, tables.certificates.get(name))) changed.certificates.add(name);
      }
      touchedCertificates.clear();
    },

    clear() {
      for (const part of [sources, clusters, backends, hosts, ports, tls, nodePorts, dependencies, dirty])
        part.clear();
      for (const part of [certificates, variants, fixed, edge, touchedCertificates]) part.clear();
    },
  };
}

function translated(
  record: RuleRecord,
  translator: Translator,
  context: Parameters<Translator['translate']>[1],
  found: Diagnostic[],
): Contributions {
  const rule = readableRule(record);
  if (rule === undefined) return {};
  try {
    return translator.translate(rule, context);
  } catch (error) {
    found.push({
      severity: 'error',
      code: 'rule-failed',
      subject: subjectOfRule(record),
      message: `it could not be planned, and nothing of it is in force: ${Fault.from(error).message}`,
    });
    return {};
  }
}

function idOf([apiVersion = '', ruleKind = '', namespace = '', name = '']: readonly string[]): RuleId {
  return { apiVersion, ruleKind, namespace, name };
}

function subjectOfKey(key: RecordKey): string {
  return subjectOfRule(idOf(parseRecordKey(key)?.parts ?? []));
}
