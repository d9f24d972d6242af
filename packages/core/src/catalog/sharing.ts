import { sameJson } from '../base/json.ts';
import type { CatalogRecord, CheckDefinition, CheckRecord, Entry, InstanceRecord } from './records.ts';
import type { Tables } from './tables.ts';

/** Only for a copy that nobody has seen yet. */
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * Lets records hold the very same names, tags, maps and origins where these are equal. Records come from JSON, each with its
 * own copy of everything, while one differs from the next in little more than an id and an address: of 100,000 instances
 * with a check each, this saves about a third of the memory. A record is compared with the one that it replaces, else with
 * the last one of its kind, and takes its names from where the tables will look them up anyway.
 */
export class Sharing {
  readonly #tables: Tables;
  #instance: InstanceRecord | undefined;
  #check: CheckRecord | undefined;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** A record equal to `record`, which will replace `current`. One that is frozen was shared before. */
  shared(record: CatalogRecord, current: Entry | undefined): CatalogRecord {
    if (Object.isFrozen(record)) return record;
    // Whoever made it may still hold it: what is changed is a copy.
    return record.kind === 'instance' || record.kind === 'check'
      ? this.share({ ...record }, current)
      : record;
  }

  /** The same for a record that nobody else holds: it is changed in place. */
  share(record: CatalogRecord, current: Entry | undefined): CatalogRecord {
    if (Object.isFrozen(record)) return record;
    if (record.kind === 'instance') {
      const replaced = current?.record as InstanceRecord | undefined;
      this.#shareInstance(record, replaced ?? this.#instance ?? record);
      this.#instance = record;
    } else if (record.kind === 'check') {
      const replaced = current?.record as CheckRecord | undefined;
      this.#shareCheck(record, replaced ?? this.#check ?? record);
      this.#check = record;
    }
    return record;
  }

  #shareInstance(record: Mutable<InstanceRecord>, like: InstanceRecord): void {
    const service = this.#tables.services.get(`${record.namespace}/${record.service}`);
    record.namespace = either(record.namespace, like.namespace);
    record.service = service?.name ?? record.service;
    record.node = this.#nodeName(record.node);
    record.id = either(record.id, like.id);
    record.tags = either(record.tags, like.tags);
    record.metadata = either(record.metadata, like.metadata);
    record.taggedAddresses = either(record.taggedAddresses, like.taggedAddresses);
    record.weights = either(record.weights, like.weights);
    record.origin = either(record.origin, like.origin);
  }

  #shareCheck(record: Mutable<CheckRecord>, like: CheckRecord): void {
    record.node = this.#nodeName(record.node);
    record.id = either(record.id, like.id);
    record.name = either(record.name, like.name);
    record.output = either(record.output, like.output);
    record.notes = either(record.notes, like.notes);
    record.origin = either(record.origin, like.origin);
    const { instance, definition } = record;
    if (instance !== undefined) record.instance = sharedBearer(instance, like.instance);
    if (definition !== undefined) record.definition = sharedDefinition(definition, like.definition);
  }

  #nodeName(name: string): string {
    return this.#tables.nodes.get(name)?.name ?? name;
  }
}

function sharedBearer(
  bearer: Required<CheckRecord>['instance'],
  like: CheckRecord['instance'],
): typeof bearer {
  if (like === undefined || like.service !== bearer.service || like.namespace !== bearer.namespace)
    return bearer;
  return like.id === bearer.id ? like : { namespace: like.namespace, service: like.service, id: bearer.id };
}

function sharedDefinition(definition: CheckDefinition, like: CheckDefinition | undefined): CheckDefinition {
  if (like === undefined) return definition;
  if (sameJson(definition, like)) return like;
  const { probe } = definition;
  if (probe.type !== 'http' || like.probe.type !== 'http') return definition;
  return { ...definition, probe: { ...probe, headers: either(probe.headers, like.probe.headers) } };
}

/** `value`, as `like` where they are equal. */
function either<T>(value: T, like: T): T {
  return sameJson(value, like) ? like : value;
}
