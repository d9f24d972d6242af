import type {
  CheckRecord,
  Entry,
  Health,
  InstanceRecord,
  KvRecord,
  LeaseRecord,
  NodeRecord,
  RecordKey,
  RuleRecord,
  RuleVersionRecord,
  ServiceRecord,
} from './records.ts';

/**
 * How everything but the engine sees the catalog. The collections are live: read what you need at once, and do not keep
 * an iterator across an `await`. Entries are frozen and may be kept.
 */
export interface CatalogReader {
  /** The revision of the last applied change; 0 before the first. */
  readonly revision: number;

  node(name: string): Entry<NodeRecord> | undefined;
  /** In order of name. */
  nodes(): Iterable<Entry<NodeRecord>>;

  /** Every service that has an instance or a `ServiceRecord`, in order of name. No `namespace`: of all namespaces. */
  services(namespace?: string): Iterable<ServiceView>;
  /** No `namespace`: the default one; so too for the folded name. */
  service(name: string, namespace?: string): ServiceView | undefined;
  /** Services whose names are equal when lower-cased; DNS and Eureka ask so. */
  servicesByFoldedName(lowerCaseName: string, namespace?: string): readonly ServiceView[];

  instance(namespace: string, service: string, node: string, id: string): Entry<InstanceRecord> | undefined;
  /** Consul's service ids are unique on a node: the instance `id` on `node`, whatever its service. */
  instanceOnNode(node: string, id: string): Entry<InstanceRecord> | undefined;
  instancesOnNode(node: string): Iterable<Entry<InstanceRecord>>;
  /** Instances that hang on a lease. */
  instancesOnLease(lease: string): Iterable<Entry<InstanceRecord>>;

  check(node: string, id: string): Entry<CheckRecord> | undefined;
  /** All checks on the node, the node's own and its instances'. */
  checksOnNode(node: string): Iterable<Entry<CheckRecord>>;
  /** Only the node's own. */
  nodeChecks(node: string): Iterable<Entry<CheckRecord>>;
  /** Only the instance's own (not its node's). */
  checksOfInstance(instance: InstanceRecord): Iterable<Entry<CheckRecord>>;
  checks(): Iterable<Entry<CheckRecord>>;
  /** The worst of the instance's own checks and its node's; no checks is passing. O(checks of that instance). */
  healthOf(instance: InstanceRecord): Health;

  lease(id: string): Entry<LeaseRecord> | undefined;
  leases(): Iterable<Entry<LeaseRecord>>;

  kv(key: string): Entry<KvRecord> | undefined;
  /** Keys that start with `prefix`, in UTF-16 code unit order. */
  kvPrefix(prefix: string): Iterable<Entry<KvRecord>>;

  rule(apiVersion: string, ruleKind: string, namespace: string, name: string): Entry<RuleRecord> | undefined;
  /** In order of apiVersion, kind, namespace, name; all of them, or those of one apiVersion, of one kind, in one namespace. */
  rules(apiVersion?: string, ruleKind?: string, namespace?: string): Iterable<Entry<RuleRecord>>;

  /** The kept versions of one rule, oldest first, also of one that is gone. */
  versionsOfRule(
    apiVersion: string,
    ruleKind: string,
    namespace: string,
    name: string,
  ): Iterable<Entry<RuleVersionRecord>>;
  /** Those of all rules, in the rules' order. */
  ruleVersions(): Iterable<Entry<RuleVersionRecord>>;

  /**
   * The revision of the last change that a reader of `topic` could see; what a blocking query compares with. Never below 1.
   * For something that does not exist (any more): the revision of its removal, or of a later removal of the same kind
   * (tombstones are bounded).
   */
  indexOf(topic: Topic): number;
}

/** A service as its instances make it. The object is replaced whenever anything about the service changes. */
export interface ServiceView {
  readonly namespace: string;
  readonly name: string;
  readonly record: ServiceRecord | undefined;
  readonly size: number;
  /** In order of node, then id. Live: see `CatalogReader`. */
  instances(): Iterable<Entry<InstanceRecord>>;
  /** Every tag that some instance has, in order. */
  tags(): readonly string[];
  readonly modifyRevision: number;
}

/**
 * What can be watched, and what a change touches. An unrelated write never touches a topic.
 *
 * | topic | moves when |
 * | --- | --- |
 * | `service/<ns>/<name>` | an instance, its checks, its node or that node's checks change |
 * | `services` | a service appears or goes, or the set of its tags changes |
 * | `node/<name>` | the node, its instances or its checks change |
 * | `nodes` | a node's record appears, changes or goes |
 * | `checks` | any check changes, or an instance or a node goes in or out of service (dialects show that as a check) |
 * | `kv/<key>` | that key changes |
 * | `kv-prefix/<prefix>` | a key that starts so changes (prefix '' = all) |
 * | `rules` | any rule changes |
 * | `rules/<apiVersion>` | a rule of that apiVersion changes |
 * | `leases` | any lease is granted or ends |
 * | `all` | anything changes |
 */
export type Topic = string;

export const topicOf = {
  service: (name: string, namespace = 'default'): Topic => `service/${namespace}/${name}`,
  services: 'services',
  node: (name: string): Topic => `node/${name}`,
  nodes: 'nodes',
  checks: 'checks',
  kv: (key: string): Topic => `kv/${key}`,
  kvPrefix: (prefix: string): Topic => `kv-prefix/${prefix}`,
  rules: 'rules',
  rulesOf: (apiVersion: string): Topic => `rules/${apiVersion}`,
  leases: 'leases',
  all: 'all',
} as const;

/** What one applied change touched: the argument of every subscriber. */
export interface CatalogDelta {
  readonly revision: number;
  /** `<namespace>/<name>` of each touched service, without repeats. */
  readonly services: ReadonlySet<string>;
  /** Whether `services` (the list of names and tags) moved. */
  readonly serviceList: boolean;
  readonly nodes: ReadonlySet<string>;
  /** Whether `nodes` (the list) moved. */
  readonly nodeList: boolean;
  readonly checks: readonly CheckTouch[];
  /** Whether `checks` (the topic) moved. */
  readonly checkList: boolean;
  readonly kvKeys: readonly string[];
  /** Whether any rule changed. */
  readonly rules: boolean;
  /** The keys of those that did, as `keyOf.rule` makes and `parseRecordKey` takes them apart. */
  readonly ruleKeys: ReadonlySet<RecordKey>;
  readonly leases: readonly string[];
}

/** A check before and after; absent = did not or does not exist. */
export interface CheckTouch {
  readonly node: string;
  readonly id: string;
  readonly before?: Entry<CheckRecord>;
  readonly after?: Entry<CheckRecord>;
}
