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
    if (record.kind === 'instance') {
      const replaced = current?.record as InstanceRecord | undefined;
      this.#instance = this.#sharedInstance(record, replaced ?? this.#instance ?? record);
      return this.#instance;
    }
    if (record.kind === 'check') {
      const replaced = current?.record as CheckRecord | undefined;
      this.#check = this.#sharedCheck(record, replaced ?? this.#check ?? record);
      return this.#check;
    }
    return record;
  }

  #sharedInstance(record: InstanceRecord, like: InstanceRecord): InstanceRecord {
    const service = this.#tables.services.get(`${record.namespace}/${record.service}`);
    return {
      ...record,
      namespace: either(record.namespace, like.namespace),
      service: service?.name ?? record.service,
      node: this.#nodeName(record.node),
      id: either(record.id, like.id),
      tags: either(record.tags, like.tags),
      metadata: either(record.metadata, like.metadata),
      taggedAddresses: either(record.taggedAddresses, like.taggedAddresses),
      weights: either(record.weights, like.weights),
      origin: either(record.origin, like.origin),
    };
  }

  #sharedCheck(record: CheckRecord, like: CheckRecord): CheckRecord {
    const shared: Mutable<CheckRecord> = {
      ...record,
      node: this.#nodeName(record.node),
      id: either(record.id, like.id),
      name: either(record.name, like.name),
      output: either(record.output, like.output),
      notes: either(record.notes, like.notes),
      origin: either(record.origin, like.origin),
    };
    const { instance, definition } = record;
    if (instance !== undefined) shared.instance = sharedBearer(instance, like.instance);
    if (definition !== undefined) shared.definition = sharedDefinition(definition, like.definition);
    return shared;
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
