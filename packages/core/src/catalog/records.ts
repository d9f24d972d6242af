import type { Json } from '../base/json.ts';
import type { Labels } from '../base/labels.ts';

/**
 * What exists. Records are frozen plain data, written whole: a change replaces a record, never edits one.
 * The store keeps them as JSON under `recordKey(record)`.
 */
export type CatalogRecord =
  | NodeRecord
  | InstanceRecord
  | CheckRecord
  | LeaseRecord
  | KvRecord
  | RuleRecord
  | RuleVersionRecord
  | ServiceRecord;

export type RecordKind = CatalogRecord['kind'];

/** Who brought a record. A source changes and deletes only what carries its own origin. */
export interface Origin {
  /** The dialect's folder name: `consul`, `eureka`, `docker`, `file`, `portolan` … */
  readonly dialect: string;
  /** Which one of that dialect: `agent`, `catalog`, a Docker host, a file's path. */
  readonly source: string;
  /** The Portolan node through which it came. */
  readonly node: string;
}

export type Health = 'passing' | 'warning' | 'critical';
export type AdminState = 'in-service' | 'draining' | 'out-of-service';

export const defaultNamespace = 'default';

/** A machine. Consul's node; the place where instances run. */
export interface NodeRecord {
  readonly kind: 'node';
  readonly name: string;
  /** UUID, or '' where the registrant gave none. */
  readonly id: string;
  readonly address: string;
  readonly datacenter: string;
  readonly taggedAddresses: Labels;
  readonly metadata: Labels;
  readonly adminState: AdminState;
  readonly adminReason: string;
  readonly origin: Origin;
  readonly extra?: DialectFields;
}

/** What a dialect said that the model has no field for, by `dialect.field`, given back to that dialect unchanged. */
export type DialectFields = Readonly<Record<string, Json>>;

export interface AddressPort {
  readonly address: string;
  readonly port: number;
}

/** One running copy of a service. Its key is (namespace, service, node, id). */
export interface InstanceRecord {
  readonly kind: 'instance';
  readonly namespace: string;
  /** The name as registered: case and dots kept. */
  readonly service: string;
  readonly node: string;
  readonly id: string;
  /** '' means the node's address. */
  readonly address: string;
  /** 0 where the service has no port. */
  readonly port: number;
  /** Ordered, duplicates kept, as registered. */
  readonly tags: readonly string[];
  readonly metadata: Labels;
  readonly taggedAddresses: Readonly<Record<string, AddressPort>>;
  readonly weights: { readonly passing: number; readonly warning: number };
  readonly adminState: AdminState;
  readonly adminReason: string;
  /** Consul: tags may be changed through the catalog without the owner. */
  readonly enableTagOverride: boolean;
  /** The lease it hangs on, where its liveness is a lease and not a check. */
  readonly lease?: string;
  readonly origin: Origin;
  readonly extra?: DialectFields;
}

/** Settings of a service as a whole (not needed for a service to exist: instances alone make one). */
export interface ServiceRecord {
  readonly kind: 'service';
  readonly namespace: string;
  readonly name: string;
  readonly metadata: Labels;
  readonly origin: Origin;
}

/** How a check finds out. Durations are milliseconds. */
export type Probe =
  | {
      readonly type: 'http';
      readonly url: string;
      readonly method: string;
      readonly headers: Readonly<Record<string, readonly string[]>>;
      readonly body: string;
      readonly tlsServerName: string;
      readonly tlsSkipVerify: boolean;
    }
  | { readonly type: 'tcp'; readonly address: string; readonly tls: boolean }
  | {
      readonly type: 'grpc';
      /** `host:port` or `host:port/service`. */
      readonly target: string;
      readonly tls: boolean;
      readonly tlsSkipVerify: boolean;
    }
  /** An HTTP/2 connection and a PING over it. */
  | {
      readonly type: 'h2ping';
      readonly address: string;
      readonly tls: boolean;
      readonly tlsSkipVerify: boolean;
    }
  /** A datagram that nobody refuses. */
  | { readonly type: 'udp'; readonly address: string }
  /** As another instance is, or a node when `instance` is ''. `node` '' is the check's own. */
  | { readonly type: 'alias'; readonly node: string; readonly instance: string }
  | { readonly type: 'ttl'; readonly ttlMs: number };

export interface CheckDefinition {
  readonly probe: Probe;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Consecutive successes needed before passing: 0 and 1 both mean the first one. */
  readonly successBeforePassing: number;
  readonly failuresBeforeWarning: number;
  readonly failuresBeforeCritical: number;
  /** Deregister the instance after it was critical this long; 0 = never. */
  readonly deregisterAfterMs: number;
}

/** One health check of an instance, or of a node when `instance` is absent. Its key is (node, id). */
export interface CheckRecord {
  readonly kind: 'check';
  readonly node: string;
  readonly id: string;
  readonly name: string;
  readonly status: Health;
  readonly output: string;
  readonly notes: string;
  /** Absent: the check is the node's own, and bears on every instance there. */
  readonly instance?: { readonly namespace: string; readonly service: string; readonly id: string };
  /** Absent: somebody else keeps the status (catalog registrations, serfHealth). */
  readonly definition?: CheckDefinition;
  readonly origin: Origin;
  readonly extra?: DialectFields;
}

/**
 * A liveness promise that outlives a restart: a ZooKeeper session, a Eureka lease, a Consul session. Heartbeats are
 * never written; the record is written when granted and deleted when it ends.
 */
export interface LeaseRecord {
  readonly kind: 'lease';
  readonly id: string;
  readonly ttlMs: number;
  /** The Portolan node whose timer wheel holds it. */
  readonly owner: string;
  readonly origin: Origin;
  readonly extra?: DialectFields;
}

export interface KvRecord {
  readonly kind: 'kv';
  readonly key: string;
  /** Base64, '' for an empty value. */
  readonly value: string;
  /** An unsigned 64-bit number as decimal digits (JavaScript numbers stop at 2^53). */
  readonly flags: string;
  readonly lockIndex: number;
  readonly session?: string;
}

/** A traffic rule: a Kubernetes, Gateway API or Istio object, kept as it was given. */
export interface RuleRecord {
  readonly kind: 'rule';
  readonly apiVersion: string;
  readonly ruleKind: string;
  readonly namespace: string;
  readonly name: string;
  readonly manifest: Json;
  readonly origin: Origin;
}

/** What a rule became by one change, kept so that it can be read and brought back. Its key is the rule's and `version`. */
export interface RuleVersionRecord {
  readonly kind: 'rule-version';
  readonly apiVersion: string;
  readonly ruleKind: string;
  readonly namespace: string;
  readonly name: string;
  /** One more with each change of that rule, also over its deletion; from 1. */
  readonly version: number;
  /** Null: it was deleted then. */
  readonly manifest: Json;
  /** Of the manifest as JSON, UTF-16 units. */
  readonly size: number;
  /** Wall clock, Unix milliseconds. */
  readonly atMs: number;
  /** Who says to have changed it: `alice@laptop`, a file's path; '' = did not say. */
  readonly by: string;
  readonly action: 'created' | 'updated' | 'deleted' | 'rolled-back';
  readonly origin: Origin;
}

/** A record with the revisions that made it and last changed it. Frozen. */
export interface Entry<R extends CatalogRecord = CatalogRecord> {
  readonly record: R;
  readonly createRevision: number;
  readonly modifyRevision: number;
}

/** A record's key in the store: `<kind>/<part>/…`, each part with `%` and `/` escaped; a KV key stays as it is. */
export type RecordKey = string;

export const keyOf = {
  node: (name: string): RecordKey => `node/${part(name)}`,
  instance: (namespace: string, service: string, node: string, id: string): RecordKey =>
    `instance/${part(namespace)}/${part(service)}/${part(node)}/${part(id)}`,
  service: (namespace: string, name: string): RecordKey => `service/${part(namespace)}/${part(name)}`,
  check: (node: string, id: string): RecordKey => `check/${part(node)}/${part(id)}`,
  lease: (id: string): RecordKey => `lease/${part(id)}`,
  kv: (key: string): RecordKey => `kv/${key}`,
  rule: (apiVersion: string, ruleKind: string, namespace: string, name: string): RecordKey =>
    `rule/${part(apiVersion)}/${part(ruleKind)}/${part(namespace)}/${part(name)}`,
  /** `version` with leading zeros: the order of the keys is theirs. */
  ruleVersion: (
    apiVersion: string,
    ruleKind: string,
    namespace: string,
    name: string,
    version: number,
  ): RecordKey =>
    `rule-version/${part(apiVersion)}/${part(ruleKind)}/${part(namespace)}/${part(name)}/${String(version).padStart(10, '0')}`,
};

/** The key under which `record` is kept. */
export function recordKey(record: CatalogRecord): RecordKey {
  switch (record.kind) {
    case 'node':
      return keyOf.node(record.name);
    case 'instance':
      return keyOf.instance(record.namespace, record.service, record.node, record.id);
    case 'service':
      return keyOf.service(record.namespace, record.name);
    case 'check':
      return keyOf.check(record.node, record.id);
    case 'lease':
      return keyOf.lease(record.id);
    case 'kv':
      return keyOf.kv(record.key);
    case 'rule':
      return keyOf.rule(record.apiVersion, record.ruleKind, record.namespace, record.name);
    case 'rule-version': {
      const { apiVersion, ruleKind, namespace, name, version } = record;
      return keyOf.ruleVersion(apiVersion, ruleKind, namespace, name, version);
    }
  }
}

const mustEscape = /[%/]/;

function part(text: string): string {
  return mustEscape.test(text) ? text.replaceAll('%', '%25').replaceAll('/', '%2F') : text;
}
