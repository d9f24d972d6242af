import type { RuleRecord } from '../../catalog/records.ts';

/**
 * A place in an order: compared from the first to the last, the lower comes first. The first number is the tier:
 *
 * 0. routes whose author ordered them (Istio's VirtualService), as written;
 * 1. routes by how specific they are (Gateway API, Ingress): exact paths, then the longest, then whether a method is named, then more
 *    headers, then more query parameters, then Gateway API before Ingress, then the older resource, then by its name, then as written;
 * 2. default backends of Ingresses;
 * 3. services that show themselves by a tag.
 */
export type Rank = readonly (number | string)[];

/** Of those of equal specificity, who comes first. */
const dialects = Object.freeze({ 'gateway-api': 0, ingress: 1 });

/** Who wrote a rule when: the older comes first, then the first by namespace and name. */
export type Age = readonly [created: string, name: string];

/** Without a time it counts as younger than all that have one. */
export function ageOf(rule: Pick<RuleRecord, 'namespace' | 'name'> & { readonly manifest: unknown }): Age {
  const { metadata } = rule.manifest as { metadata?: { creationTimestamp?: unknown } };
  const created = metadata?.creationTimestamp;
  return [typeof created === 'string' ? created : '9999', `${rule.namespace}/${rule.name}`];
}

/** For what is only held by one: a port, a server name. */
export function rankByAge(age: Age, position = 0): Rank {
  return [1, ...age, position];
}

/** Tier 0: `position` is that in its resource. */
export function rankAsWritten(age: Age, position: number): Rank {
  return [0, ...age, position];
}

export interface Specificity {
  readonly exact: boolean;
  /** Characters of the path. */
  readonly length: number;
  readonly method?: boolean;
  readonly headers?: number;
  readonly query?: number;
}

/** Tier 1. */
export function rankBySpecificity(
  specificity: Specificity,
  dialect: keyof typeof dialects,
  age: Age,
  position: number,
): Rank {
  const { exact, length, method = false, headers = 0, query = 0 } = specificity;
  return [1, exact ? 0 : 1, -length, method ? 0 : 1, -headers, -query, dialects[dialect], ...age, position];
}

/** Tier 2. */
export function rankOfDefault(age: Age, position = 0): Rank {
  return [2, ...age, position];
}

/** Tier 3. */
export const rankOfRegistration: Rank = [3];

export function compareRanks(left: Rank, right: Rank): number {
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at++) {
    const [a, b] = [left[at] ?? 0, right[at] ?? 0];
    if (a !== b) return a < b ? -1 : 1;
  }
  return left.length - right.length;
}
