import type { Json } from '../base/json.ts';
import type { Labels } from '../base/labels.ts';
import type { Entry, Origin, RuleRecord } from './records.ts';
import { defaultNamespace } from './records.ts';

/**
 * A question about a service that is asked by name, over HTTP and DNS.
 * Source: https://developer.hashicorp.com/consul/api-docs/query
 */
export interface PreparedQuery {
  /** UUID. */
  readonly id: string;
  /** '' = asked by its id only, or (with a template) for every name that no other query answers. */
  readonly name: string;
  /** The session it goes with; '' = none. */
  readonly session: string;
  readonly token: string;
  /** Present: it answers every name that starts with `name`. */
  readonly template?: PreparedQueryTemplate;
  readonly service: PreparedQueryService;
  /** `text` as written; absent: the zone's own. */
  readonly dnsTtl?: { readonly text: string; readonly seconds: number };
}

export interface PreparedQueryTemplate {
  /** '' = none; the groups of what it matches in the name are `${match(N)}`. */
  readonly regexp: string;
  readonly removeEmptyTags: boolean;
}

/** What is asked. In a template every text may hold `${…}`. */
export interface PreparedQueryService {
  readonly service: string;
  readonly onlyPassing: boolean;
  readonly ignoreCheckIds: readonly string[];
  /** A node's name, `_agent`, `_ip`; '' = in no order. */
  readonly near: string;
  /** An instance must have all, and none that follows a `!`. Case does not matter. */
  readonly tags: readonly string[];
  readonly nodeMeta: Labels;
  readonly serviceMeta: Labels;
  readonly connect: boolean;
  /** Other datacenters to ask; kept and given back, there are none here. */
  readonly failover: Json;
}

export const preparedQueryApiVersion = 'consul.portolan/v1';
export const preparedQueryKind = 'PreparedQuery';

/** The record that keeps a query. */
export function preparedQueryRecord(query: PreparedQuery, origin: Origin): RuleRecord {
  return {
    kind: 'rule',
    apiVersion: preparedQueryApiVersion,
    ruleKind: preparedQueryKind,
    namespace: defaultNamespace,
    name: query.id,
    // Plain data through and through, which its type cannot say.
    manifest: query as unknown as Json,
    origin,
  };
}

/** The query that a record keeps; undefined: it keeps something else. */
export function preparedQueryOf({ record }: Entry<RuleRecord>): PreparedQuery | undefined {
  const isQuery = record.ruleKind === preparedQueryKind && record.apiVersion === preparedQueryApiVersion;
  return isQuery ? (record.manifest as unknown as PreparedQuery) : undefined;
}

/** The query that answers to an id or a name, and what of it depended on the name. */
export interface FoundQuery {
  readonly query: PreparedQuery;
  /** The name as asked. */
  readonly name: string;
}

/** No DNS name is longer; what a template makes of a name grows with it. */
const maxNameLength = 255;

/**
 * Finds queries: by id, by exact name, by the longest template that the name starts with; names without regard to case.
 * Kept for as long as the rules stand.
 */
export class PreparedQueries {
  readonly #ids = new Map<string, PreparedQuery>();
  readonly #names = new Map<string, PreparedQuery>();
  /** The longest name first. */
  readonly #templates: PreparedQuery[] = [];

  constructor(rules: Iterable<Entry<RuleRecord>>) {
    for (const entry of rules) {
      const query = preparedQueryOf(entry);
      if (query === undefined) continue;
      this.#ids.set(query.id, query);
      if (query.template !== undefined) this.#templates.push(query);
      else if (query.name !== '') this.#names.set(query.name.toLowerCase(), query);
    }
    this.#templates.sort((left, right) => right.name.length - left.name.length);
  }

  get isEmpty(): boolean {
    return this.#ids.size === 0;
  }

  find(idOrName: string): FoundQuery | undefined {
    if (idOrName.length > maxNameLength) return undefined;
    const folded = idOrName.toLowerCase();
    const query = this.#ids.get(folded) ?? this.#names.get(folded) ?? this.#templateFor(folded);
    return query === undefined ? undefined : { query, name: idOrName };
  }

  #templateFor(foldedName: string): PreparedQuery | undefined {
    return this.#templates.find((query) => foldedName.startsWith(query.name.toLowerCase()));
  }

  /** A query of the same name (of another id) that a new one would hide or be hidden by. */
  rivalOf({ id, name, template }: PreparedQuery): PreparedQuery | undefined {
    const folded = name.toLowerCase();
    if (template === undefined) {
      const other = name === '' ? undefined : (this.#names.get(folded) ?? this.#ids.get(folded));
      return other?.id === id ? undefined : other;
    }
    return this.#templates.find((query) => query.id !== id && query.name.toLowerCase() === folded);
  }
}
