import { addressRules } from '../../base/address-rules.ts';
import { Fault } from '../../base/fault.ts';
import { sameJson } from '../../base/json.ts';
import type { CatalogReader } from '../../catalog/reader.ts';
import type { RuleRecord } from '../../catalog/records.ts';
import type { EndpointSlice, Endpoints, Service } from '../../rules/kubernetes.ts';
import type { RuleOf } from '../../rules/rule.ts';
import type { DiagnosticSet } from '../diagnostics.ts';
import type { Diagnostic } from '../model.ts';
import type { ClusterTable } from './cluster-table.ts';
import type { Backend, BackendKey } from './contract.ts';
import { readableRule, readRule } from './readable-rule.ts';
import { type ServiceFacts, serviceFacts } from './service-ports.ts';

/** The Services that manifests define, and their clusters. */
export interface Backends {
  get(key: BackendKey): Backend | undefined;
  /** A rule was written or removed (`after` undefined); of most kinds it does not matter. */
  ruleChanged(key: string, after: RuleRecord | undefined, id: RuleId): void;
  /** Brings the clusters up to date; keys of the backends that look different to routes now: their ports, their kind. */
  settle(catalog: CatalogReader): ReadonlySet<BackendKey>;
  clear(): void;
}

export interface RuleId {
  readonly apiVersion: string;
  readonly ruleKind: string;
  readonly namespace: string;
  readonly name: string;
}

const serviceKinds: ReadonlySet<string> = new Set([
  'v1 Service',
  'v1 Endpoints',
  'discovery.k8s.io/v1 EndpointSlice',
]);

const serviceLabel = 'kubernetes.io/service-name';

/** @param diagnostics gets what is wrong with a Service that cannot be read */
export function createBackends(clusters: ClusterTable, diagnostics: DiagnosticSet): Backends {
  const facts = new Map<BackendKey, ServiceFacts>();
  /** Names of slices by the Service that they belong to, and that Service by the slice's key. */
  const slicesOf = new Map<BackendKey, Set<string>>();
  const serviceOf = new Map<string, BackendKey>();
  const dirty = new Set<BackendKey>();

  function sliceMoved(key: string, name: string, service: BackendKey | undefined): void {
    const before = serviceOf.get(key);
    if (before !== undefined) {
      slicesOf.get(before)?.delete(name);
      if (slicesOf.get(before)?.size === 0) slicesOf.delete(before);
      serviceOf.delete(key);
      dirty.add(before);
    }
    if (service === undefined) return;
    serviceOf.set(key, service);
    const slices = slicesOf.get(service);
    if (slices === undefined) slicesOf.set(service, new Set([name]));
    else slices.add(name);
    dirty.add(service);
  }

  function factsOf(catalog: CatalogReader, key: BackendKey): ServiceFacts | undefined {
    const slash = key.indexOf('/');
    const [namespace, name] = [key.slice(0, slash), key.slice(slash + 1)];
    const service = readRule<Service>(catalog, 'v1', 'Service', namespace, name);
    if (service === undefined) return undefined;
    const slices = [...(slicesOf.get(key) ?? [])].sort().flatMap((slice) => {
      const found = readRule<EndpointSlice>(
        catalog,
        'discovery.k8s.io/v1',
        'EndpointSlice',
        namespace,
        slice,
      );
      return found === undefined ? [] : [found];
    });
    const endpoints = readRule<Endpoints>(catalog, 'v1', 'Endpoints', namespace, name);
    return serviceFacts({ service, endpoints, slices });
  }

  /** Nobody should have stored what cannot be read; if somebody did, it costs this Service only. */
  function safely(key: BackendKey, make: () => ServiceFacts | undefined): ServiceFacts | undefined {
    try {
      const made = make();
      diagnostics.replace(`\0backend ${key}`, made === undefined ? [] : deniedEndpoints(made));
      return made;
    } catch (error) {
      const message = `it could not be planned, and nothing of it is in force: ${Fault.from(error).message}`;
      const subject = `service/${key}`;
      diagnostics.replace(`\0backend ${key}`, [{ severity: 'error', code: 'rule-failed', subject, message }]);
      return undefined;
    }
  }

  function settleOne(catalog: CatalogReader, key: BackendKey): boolean {
    const before = facts.get(key);
    const after = safely(key, () => factsOf(catalog, key));
    const kept = new Set(after?.bases.map(({ name }) => name));
    for (const { name } of before?.bases ?? []) if (!kept.has(name)) clusters.setBase(name, undefined);
    for (const base of after?.bases ?? []) {
      const known = before?.bases.find(({ name }) => name === base.name);
      if (known === undefined || !sameJson(known, base)) clusters.setBase(base.name, base);
    }
    if (after === undefined) facts.delete(key);
    else facts.set(key, after);
    return !sameJson(before?.backend ?? null, after?.backend ?? null);
  }

  return {
    get: (key) => facts.get(key)?.backend,

    ruleChanged(key, after, { apiVersion, ruleKind, namespace, name }) {
      if (!serviceKinds.has(`${apiVersion} ${ruleKind}`)) return;
      if (ruleKind !== 'EndpointSlice') {
        dirty.add(`${namespace}/${name}`);
        return;
      }
      const slice = readableRule(after) as RuleOf<EndpointSlice> | undefined;
      const service = slice?.manifest.metadata.labels?.[serviceLabel];
      sliceMoved(key, name, service === undefined ? undefined : `${namespace}/${service}`);
    },

    settle(catalog) {
      const changed = new Set<BackendKey>();
      for (const key of dirty) if (settleOne(catalog, key)) changed.add(key);
      dirty.clear();
      return changed;
    },

    clear() {
      for (const part of [facts, slicesOf, serviceOf, dirty]) part.clear();
    },
  };
}

/** What stands in manifests and may not be sent to; of registered instances their service tells. */
function deniedEndpoints({ backend, bases }: ServiceFacts): Diagnostic[] {
  const fixed = bases.flatMap(({ sources }) =>
    sources.flatMap((source) => (source.type === 'fixed' ? source.endpoints : [])),
  );
  const denied = new Set(fixed.map(({ address }) => address).filter((address) => !rules.allowsHost(address)));
  if (denied.size === 0) return [];
  const message = `nothing is sent to ${[...denied].join(', ')}: link-local, multicast, unspecified and metadata addresses are denied`;
  return [{ severity: 'error', code: 'denied-address', subject: `service/${backend.key}`, message }];
}

const rules = addressRules();
