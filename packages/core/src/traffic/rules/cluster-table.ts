import { sameJson } from '../../base/json.ts';
import { textDigest } from '../../base/text-digest.ts';
import { clusterDefaults } from '../defaults.ts';
import { clusterNameOf, type ServiceKey, serviceKeyOf, splitServiceKey } from '../derived-names.ts';
import type { EndpointSet } from '../endpoints.ts';
import type { Cluster, Endpoint } from '../model.ts';
import type { BackendKey, BackendPolicy, ClusterSettings } from './contract.ts';
import { compareRanks } from './rank.ts';
import { type EndpointSource, narrowed } from './source.ts';
import { type SourceTable, withoutRepeats } from './source-table.ts';

/** A cluster as a manifest has it. */
export interface ClusterBase {
  readonly name: string;
  readonly backend: BackendKey;
  /** Undefined: it has none of its own. */
  readonly port: number | undefined;
  readonly sources: readonly EndpointSource[];
  readonly settings: ClusterSettings;
}

/** A cluster made of a base: a subset of it, or with other settings. */
export interface ClusterVariant {
  readonly base: string;
  readonly subset?: string;
  readonly settings?: ClusterSettings;
}

/**
 * Every cluster: those of registered services (nothing is kept of them here: there may be 100,000), those of manifests, and the variants
 * of both that rules ask for. The policies of a backend hold for its variants
 * too.
 */
export interface ClusterTable {
  setBase(name: string, base: ClusterBase | undefined): void;
  setVariant(name: string, variant: ClusterVariant | undefined): void;
  /** What `owner` says about backends now. */
  setPolicies(owner: string, policies: readonly BackendPolicy[]): void;
  /** Some of a registered service's instances changed, or it came or went. */
  serviceChanged(key: ServiceKey): void;
  /** The policy that holds for a backend. */
  policyOf(backend: BackendKey): BackendPolicy | undefined;
  /** Brings `clusters` up to date; names of those that changed. */
  settle(): ReadonlySet<string>;
  clear(): void;
}

interface State {
  readonly sources: readonly string[];
  readonly settings: Omit<Cluster, 'name' | 'endpoints'>;
}

/** @param planned what the plan of a registered service has; undefined: it has no cluster */
export function createClusterTable(
  clusters: Map<string, Cluster>,
  sources: SourceTable,
  planned: (key: ServiceKey) => EndpointSet | undefined,
): ClusterTable {
  const bases = new Map<string, ClusterBase>();
  const variants = new Map<string, ClusterVariant>();
  const variantsOf = new Map<string, Set<string>>();
  const basesOf = new Map<BackendKey, Set<string>>();
  const policies = new Map<BackendKey, { readonly owner: string; readonly policy: BackendPolicy }[]>();
  const policiesBy = new Map<string, readonly BackendPolicy[]>();
  const states = new Map<string, State>();
  const clustersOf = new Map<string, Set<string>>();
  /** `true`: all about it, `false`: only its endpoints. */
  const dirty = new Map<string, boolean>();

  function touchBase(name: string): void {
    dirty.set(name, true);
    for (const variant of variantsOf.get(name) ?? []) dirty.set(variant, true);
  }

  function touchBackend(backend: BackendKey): void {
    for (const name of basesOf.get(backend) ?? []) touchBase(name);
    const { namespace, name } = splitServiceKey(backend);
    touchBase(clusterNameOf(namespace, name));
  }

  function policyOf(backend: BackendKey): BackendPolicy | undefined {
    return policies.get(backend)?.[0]?.policy;
  }

  function baseOf(name: string): ClusterBase | undefined {
    const defined = bases.get(name);
    const key = defined === undefined ? serviceKeyOf(name) : undefined;
    return key === undefined || planned(key) === undefined ? defined : registeredBase(key, name);
  }

  function build(name: string): State | undefined {
    const variant = variants.get(name);
    const base = baseOf(variant?.base ?? name);
    if (base === undefined) return undefined;
    const policy = policyOf(base.backend);
    const subset = variant?.subset === undefined ? undefined : policy?.subsets?.get(variant.subset);
    const lost = variant?.subset !== undefined && subset === undefined;
    const pairs = Object.entries(subset?.labels ?? {}).sort(([left], [right]) => (left < right ? -1 : 1));
    return {
      sources: lost ? [] : base.sources.map((source) => sources.hold(narrowed(source, pairs))),
      settings: merged([
        base.settings,
        settingsAt(policy, base.port),
        settingsAt(subset, base.port),
        variant?.settings,
      ]),
    };
  }

  function rebuild(name: string): void {
    const before = states.get(name);
    const after = build(name);
    // Held before the others are released: what stays needs not be found again.
    for (const id of after?.sources ?? []) addTo(clustersOf, id, name);
    for (const id of before?.sources ?? []) {
      if (!after?.sources.includes(id)) removeFrom(clustersOf, id, name);
      sources.release(id);
    }
    if (after === undefined) states.delete(name);
    else states.set(name, after);
  }

  function endpointsOf(state: State): readonly Endpoint[] {
    const [first, ...more] = state.sources;
    if (first === undefined) return nothing;
    if (more.length === 0) return sources.endpoints(first);
    return withoutRepeats(state.sources.flatMap((id) => sources.endpoints(id)));
  }

  /** The cluster of a registered service is made of its plan. */
  function writeRegistered(name: string, key: ServiceKey): boolean {
    const plan = planned(key);
    if (plan === undefined) return clusters.delete(name);
    const before = clusters.get(name);
    const policy = policyOf(key);
    const settings = policy === undefined ? clusterDefaults : merged([policy.settings]);
    const after = Object.freeze({ name, endpoints: plan.endpoints, ...settings });
    if (before !== undefined && sameJson(before, after)) return false;
    clusters.set(name, after);
    return true;
  }

  function write(name: string, everything: boolean): boolean {
    const key = serviceKeyOf(name);
    if (key !== undefined) return writeRegistered(name, key);
    if (everything) rebuild(name);
    const state = states.get(name);
    if (state === undefined) return clusters.delete(name);
    const before = clusters.get(name);
    const endpoints = endpointsOf(state);
    const after = Object.freeze({ name, endpoints, ...state.settings });
    if (before !== undefined && sameJson(before, after)) return false;
    clusters.set(name, after);
    return true;
  }

  return {
    setBase(name, base) {
      const before = bases.get(name);
      if (before !== undefined) removeFrom(basesOf, before.backend, name);
      if (base === undefined) bases.delete(name);
      else {
        bases.set(name, base);
        addTo(basesOf, base.backend, name);
      }
      touchBase(name);
    },

    setVariant(name, variant) {
      const before = variants.get(name);
      if (before !== undefined) removeFrom(variantsOf, before.base, name);
      if (variant === undefined) variants.delete(name);
      else {
        variants.set(name, variant);
        addTo(variantsOf, variant.base, name);
      }
      dirty.set(name, true);
    },

    setPolicies(owner, said) {
      const before = policiesBy.get(owner) ?? [];
      for (const { backend } of before) {
        const left = (policies.get(backend) ?? []).filter((entry) => entry.owner !== owner);
        if (left.length === 0) policies.delete(backend);
        else policies.set(backend, left);
      }
      for (const policy of said) {
        const all = [...(policies.get(policy.backend) ?? []), { owner, policy }];
        all.sort((left, right) => compareRanks(left.policy.rank, right.policy.rank));
        policies.set(policy.backend, all);
      }
      if (said.length === 0) policiesBy.delete(owner);
      else policiesBy.set(owner, said);
      for (const { backend } of [...before, ...said]) touchBackend(backend);
    },

    serviceChanged(key) {
      const { namespace, name } = splitServiceKey(key);
      const own = clusterNameOf(namespace, name);
      const exists = planned(key) !== undefined;
      if (clusters.has(own) === exists) dirty.set(own, dirty.get(own) ?? false);
      else touchBase(own);
      for (const id of sources.serviceChanged(key))
        for (const name of clustersOf.get(id) ?? []) if (!dirty.has(name)) dirty.set(name, false);
    },

    policyOf,

    settle() {
      const changed = new Set<string>();
      for (const [name, everything] of dirty) if (write(name, everything)) changed.add(name);
      dirty.clear();
      return changed;
    },

    clear() {
      for (const map of [
        bases,
        variants,
        variantsOf,
        basesOf,
        policies,
        policiesBy,
        states,
        clustersOf,
        dirty,
      ])
        map.clear();
    },
  };
}

const nothing: readonly Endpoint[] = Object.freeze([]);

/** All instances of a registered service, each at its own port. */
function registeredBase(key: ServiceKey, name: string): ClusterBase {
  const { namespace, name: service } = splitServiceKey(key);
  const port = { type: 'registered' as const, otherwise: 0 };
  const source = { type: 'instances' as const, namespace, service, labels: [], port, notReady: false };
  return { name, backend: key, port: undefined, sources: [source], settings: {} };
}

function settingsAt(
  of:
    | { readonly settings: ClusterSettings; readonly ports?: ReadonlyMap<number, ClusterSettings> }
    | undefined,
  port: number | undefined,
): ClusterSettings | undefined {
  return (port === undefined ? undefined : of?.ports?.get(port)) ?? of?.settings;
}

/** A later one wins; one that is there and undefined takes away what came before. */
function merged(layers: readonly (ClusterSettings | undefined)[]): Omit<Cluster, 'name' | 'endpoints'> {
  const all: Record<string, unknown> = { ...clusterDefaults };
  for (const layer of layers) Object.assign(all, layer);
  for (const [key, value] of Object.entries(all)) if (value === undefined) delete all[key];
  return { ...clusterDefaults, ...all };
}

/** `<base>#<subset>~<settings>`; what has the same settings has the same name. */
export function variantName({ base, subset, settings = {} }: ClusterVariant): string {
  const narrowedName = subset === undefined ? base : `${base}#${subset}`;
  return Object.keys(settings).length === 0 ? narrowedName : `${narrowedName}~${digest(settings)}`;
}

/** Over the settings with sorted keys; an undefined value counts too: it takes away what the base has. */
function digest(settings: ClusterSettings): string {
  const text = JSON.stringify(settings, (_key, value: unknown) => {
    if (value === undefined) return null;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)));
  });
  return textDigest(text);
}

function addTo(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}

function removeFrom(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  set?.delete(value);
  if (set?.size === 0) sets.delete(key);
}
