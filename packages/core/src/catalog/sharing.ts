import { sameJson } from '../base/json.ts';
import type { CatalogRecord, CheckDefinition, CheckRecord, InstanceRecord } from './records.ts';

/** Distinct names that are remembered: enough for a large registry, about 5 MB when full. Then it starts anew. */
const maxNames = 65_536;

/** Only for a copy that nobody has seen yet. */
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * Lets records hold the very same names, tags, maps and origins where these are equal. Records come from JSON, each with its
 * own copy of everything, while one differs from the next in little more than an id and an address: of 100,000 instances
 * with a check each, this saves about a third of the memory.
 */
export class Sharing {
  readonly #names = new Map<string, string>();
  #instance: InstanceRecord | undefined;
  #check: CheckRecord | undefined;

  /** A record equal to `record`; one that is frozen was shared before. */
  shared(record: CatalogRecord): CatalogRecord {
    if (Object.isFrozen(record)) return record;
    if (record.kind === 'instance') {
      this.#instance = this.#sharedInstance(record, this.#instance ?? record);
      return this.#instance;
    }
    if (record.kind === 'check') {
      this.#check = this.#sharedCheck(record, this.#check ?? record);
      return this.#check;
    }
    return record;
  }

  #sharedInstance(record: InstanceRecord, like: InstanceRecord): InstanceRecord {
    return {
      ...record,
      namespace: this.#name(record.namespace),
      service: this.#name(record.service),
      node: this.#name(record.node),
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
      node: this.#name(record.node),
      name: either(record.name, like.name),
      output: either(record.output, like.output),
      notes: either(record.notes, like.notes),
      origin: either(record.origin, like.origin),
    };
    const { instance, definition } = record;
    if (instance !== undefined) {
      const { namespace, service, id } = instance;
      shared.instance = { namespace: this.#name(namespace), service: this.#name(service), id };
    }
    if (definition !== undefined) shared.definition = sharedDefinition(definition, like.definition);
    return shared;
  }

  #name(text: string): string {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    if (this.#names.size >= maxNames) this.#names.clear();
    this.#names.set(text, text);
    return text;
  }
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
