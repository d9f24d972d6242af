import type { Value } from '../language/values.ts';

/**
 * Something a template depends on: where Consul's HTTP API has it, and what a template sees of the answer. Two queries with the
 * same `key` are the same.
 */
export interface Query {
  /** As consul-template writes it: `health.service(web|passing)`. */
  readonly key: string;
  /** From `/v1/` on, without `index` and `wait`. */
  readonly path: string;
  /** False: the answer carries no index, so it is asked again every `pollMs`. */
  readonly blocks: boolean;
  /** The template's value; `body` is undefined for 404. An undefined result means "not there yet": rendering waits for it. */
  decode(body: unknown): Value | undefined;
}

/** What templates are rendered from. */
export interface DataReader {
  /** The newest value of `query`; undefined: none came yet (and the query is noted as needed). */
  recall(query: Query): Value | undefined;
}
