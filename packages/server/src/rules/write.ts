import { Fault } from '@portolan/core/base/fault.ts';
import { type Json, sameJson } from '@portolan/core/base/json.ts';
import type { Draft } from '@portolan/core/catalog/draft.ts';
import {
  type Entry,
  keyOf,
  type Origin,
  type RuleRecord,
  type RuleVersionRecord,
} from '@portolan/core/catalog/records.ts';
import { type ServiceAddressRanges, withServiceAddresses } from '@portolan/core/rules/cluster-ip.ts';
import type { Service } from '@portolan/core/rules/kubernetes.ts';
import type { ObjectMeta } from '@portolan/core/rules/metadata.ts';
import type { AnyManifest } from '@portolan/core/rules/rule.ts';
import { clusterScope } from '@portolan/core/rules/rule-kinds.ts';
import type { ResourceKey } from './read.ts';
import { isObject } from './schema.ts';

/** Versions that are kept of each rule; the oldest goes first. */
export const maxVersions = 20;

/** Who writes, and when. Found before the intent, which may run again. */
export interface Author {
  readonly origin: Origin;
  /** As `RuleVersionRecord.by`. */
  readonly by: string;
  /** Whether what another owner brought is taken over. */
  readonly force: boolean;
  readonly atMs: number;
  /** From where Services get their addresses; absent: they get none. */
  readonly serviceAddresses?: ServiceAddressRanges | undefined;
}

export interface WriteOptions extends Author {
  /** UUID, for one that is new. */
  readonly uid: string;
  /** Only if it is still that version. */
  readonly resourceVersion?: string | undefined;
}

export interface Written {
  readonly outcome: 'created' | 'updated' | 'unchanged' | 'deleted';
  readonly before: RuleRecord | undefined;
  readonly after: RuleRecord | undefined;
}

/**
 * Writes a manifest that was read. What only we know of it (uid, age, generation) is kept or made; what is equal is not written. Throws
 * `conflict` where somebody else owns it, or where it is not at `resourceVersion` any more.
 */
export function putRule(
  draft: Draft,
  key: ResourceKey,
  manifest: AnyManifest,
  options: WriteOptions,
): Written {
  return put(draft, key, manifest as unknown as Readonly<Record<string, Json>>, options, undefined);
}

function put(
  draft: Draft,
  key: ResourceKey,
  given: Readonly<Record<string, Json>>,
  options: WriteOptions,
  action: RuleVersionRecord['action'] | undefined,
): Written {
  const before = currentOf(draft, key, options);
  const manifest = filledIn(given, key, before?.record, draft, options);
  const metadata = metadataOf(manifest, before?.record, options);
  const record: RuleRecord = {
    kind: 'rule',
    apiVersion: key.apiVersion,
    ruleKind: key.kind,
    namespace: key.namespace,
    name: key.name,
    manifest: { ...manifest, metadata: metadata as unknown as Json },
    origin: options.origin,
  };
  if (before !== undefined && sameJson(before.record, record)) {
    return { outcome: 'unchanged', before: before.record, after: before.record };
  }
  draft.put(record);
  keepVersion(draft, key, record.manifest, options, action ?? (before === undefined ? 'created' : 'updated'));
  return { outcome: before === undefined ? 'created' : 'updated', before: before?.record, after: record };
}

/** What is decided for it once, and then stays. */
function filledIn(
  manifest: Readonly<Record<string, Json>>,
  { apiVersion, kind }: ResourceKey,
  before: RuleRecord | undefined,
  draft: Draft,
  { serviceAddresses }: WriteOptions,
): Readonly<Record<string, Json>> {
  if (apiVersion !== 'v1' || kind !== 'Service' || serviceAddresses === undefined) return manifest;
  const service = manifest as unknown as Service;
  const earlier = before?.manifest as unknown as Service | undefined;
  return withServiceAddresses(service, earlier, serviceAddresses, draft) as unknown as Readonly<
    Record<string, Json>
  >;
}

/** Removes a rule. `unchanged`: there is none. */
export function deleteRule(draft: Draft, key: ResourceKey, options: Omit<WriteOptions, 'uid'>): Written {
  const before = currentOf(draft, key, options);
  if (before === undefined) return { outcome: 'unchanged', before: undefined, after: undefined };
  draft.delete(recordKeyOf(key));
  keepVersion(draft, key, null, options, 'deleted');
  return { outcome: 'deleted', before: before.record, after: undefined };
}

/**
 * Makes a rule what it was after the change of revision `to`: also one that is gone, and also gone where it was then. Throws
 * `not-found` where that version is not kept.
 */
export function rollBackRule(draft: Draft, key: ResourceKey, to: number, options: WriteOptions): Written {
  const version = versionAt(draft, key, to)?.record;
  if (version === undefined) {
    throw new Fault('not-found', `${nameOf(key)} has no version of revision ${to}: see its history`);
  }
  if (version.manifest === null) return deleteRule(draft, key, options);
  return put(draft, key, version.manifest as Readonly<Record<string, Json>>, options, 'rolled-back');
}

/** The kept version that the change of revision `revision` made. */
export function versionAt(
  catalog: Pick<Draft, 'versionsOfRule'>,
  key: ResourceKey,
  revision: number,
): Entry<RuleVersionRecord> | undefined {
  for (const entry of versionsOf(catalog, key)) if (entry.createRevision === revision) return entry;
  return undefined;
}

export function versionsOf(
  catalog: Pick<Draft, 'versionsOfRule'>,
  { apiVersion, kind, namespace, name }: ResourceKey,
): Iterable<Entry<RuleVersionRecord>> {
  return catalog.versionsOfRule(apiVersion, kind, namespace, name);
}

export function recordKeyOf({ apiVersion, kind, namespace, name }: ResourceKey): string {
  return keyOf.rule(apiVersion, kind, namespace, name);
}

/** `Ingress shop/web`, as people read it. */
export function nameOf({ kind, namespace, name }: ResourceKey): string {
  return namespace === clusterScope ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}

function currentOf(
  draft: Draft,
  key: ResourceKey,
  { origin, force, resourceVersion }: Omit<WriteOptions, 'uid'>,
): Entry<RuleRecord> | undefined {
  const found = draft.rule(key.apiVersion, key.kind, key.namespace, key.name);
  if (found !== undefined && !force && !sameOwner(found.record.origin, origin)) {
    throw new Fault(
      'conflict',
      `${nameOf(key)} belongs to ${ownerText(found.record.origin)}: ${advice(found.record.origin)}`,
    );
  }
  if (resourceVersion === undefined || resourceVersion === '') return found;
  const actual = String(found?.modifyRevision ?? 0);
  if (actual !== resourceVersion) {
    const state = found === undefined ? 'is gone' : `is at resourceVersion ${actual}`;
    throw new Fault(
      'conflict',
      `${nameOf(key)} ${state}, not at ${resourceVersion}: read it again, or leave resourceVersion out`,
      {
        path: 'metadata.resourceVersion',
      },
    );
  }
  return found;
}

/** What a file brought is that node's; what came over the API may come over it again, whichever node takes it. */
export function sameOwner(left: Origin, right: Origin): boolean {
  return left.dialect === right.dialect && (left.dialect !== 'file' || left.node === right.node);
}

export function ownerText({ dialect, source, node }: Origin): string {
  return dialect === 'file' ? `the file ${source} of ${node}` : `${dialect} (${source})`;
}

function advice({ dialect }: Origin): string {
  return dialect === 'file'
    ? 'change it there, or take it over with force'
    : 'change it there, or delete it there first';
}

function metadataOf(
  manifest: Readonly<Record<string, Json>>,
  before: RuleRecord | undefined,
  { atMs, uid }: WriteOptions,
): Partial<ObjectMeta> {
  const given = metaOf(manifest);
  const { resourceVersion: _, ...kept } = given;
  const earlier = before === undefined ? undefined : metaOf(before.manifest);
  const changed =
    before !== undefined && !sameJson(withoutMetadata(before.manifest), withoutMetadata(manifest));
  return {
    ...kept,
    uid: earlier?.uid ?? uid,
    generation: (earlier?.generation ?? (before === undefined ? 1 : 0)) + (changed ? 1 : 0),
    creationTimestamp: earlier?.creationTimestamp ?? timeOf(given.creationTimestamp, atMs),
  };
}

/** A record that came with a snapshot may hold anything. */
function metaOf(manifest: Json): Partial<ObjectMeta> {
  const metadata = isObject(manifest) ? manifest.metadata : undefined;
  return isObject(metadata) ? metadata : {};
}

/** What it says itself, unless that is in the future: its age decides who comes first. */
function timeOf(given: string | undefined, atMs: number): string {
  const ms = given === undefined ? Number.NaN : Date.parse(given);
  return new Date(ms <= atMs ? ms : atMs).toISOString();
}

function withoutMetadata(manifest: Json): Json {
  if (!isObject(manifest)) return manifest;
  const { metadata: _, ...rest } = manifest as Readonly<Record<string, Json>>;
  return rest;
}

function keepVersion(
  draft: Draft,
  key: ResourceKey,
  manifest: Json,
  { by, atMs, origin }: Author,
  action: RuleVersionRecord['action'],
): void {
  const versions = Array.from(versionsOf(draft, key), ({ record }) => record.version);
  const { apiVersion, kind: ruleKind, namespace, name } = key;
  draft.put({
    kind: 'rule-version',
    ...{ apiVersion, ruleKind, namespace, name },
    version: (versions.at(-1) ?? 0) + 1,
    manifest,
    size: JSON.stringify(manifest).length,
    atMs,
    by,
    action,
    origin,
  });
  for (const old of versions.slice(0, Math.max(0, versions.length + 1 - maxVersions))) {
    draft.delete(keyOf.ruleVersion(apiVersion, ruleKind, namespace, name, old));
  }
}
