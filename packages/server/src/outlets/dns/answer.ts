import { type Authority, type Resource, rcode } from './message.ts';

/** What a question is answered with, before it is encoded. */
export interface Answer {
  readonly rcode: number;
  readonly authoritative: boolean;
  /** Answer section, first part: in this order. */
  readonly fixed: readonly Resource[];
  /** Answer section, the rest: in any order, a new one each time. */
  readonly shuffled: readonly Resource[];
  /** At most so many of `shuffled` are given, in each answer others; 0 = as many as fit. */
  readonly shuffledLimit: number;
  readonly authorities: readonly Resource[];
  readonly additionals: readonly Resource[];
  /** Addresses of SRV targets, by `labels.join('.')`: additional to the answers that name them. */
  readonly targets: ReadonlyMap<string, readonly Resource[]>;
  /** While none of these changes, the answer stays true. Undefined: not to be kept. */
  readonly dependsOn: Dependencies | undefined;
}

export interface Dependencies {
  /** Lower-case names in the default namespace. */
  readonly services: readonly string[];
  /** Names as registered. */
  readonly nodes: readonly string[];
  /** Names of clusters of the traffic model, and `anyRule`. Absent: none. */
  readonly traffic?: readonly string[];
}

const noTargets: Answer['targets'] = new Map();

const empty: Answer = {
  rcode: rcode.noError,
  authoritative: true,
  fixed: [],
  shuffled: [],
  shuffledLimit: 0,
  authorities: [],
  additionals: [],
  targets: noTargets,
  dependsOn: undefined,
};

/** An answer with something in it. */
export function positive(parts: Partial<Answer>): Answer {
  return { ...empty, ...parts };
}

/** The name exists, but has nothing of this type; or (`nameError`) it does not exist. RFC 2308 §2: with the SOA. */
export function negative(
  code: number,
  authority: Resource & Authority,
  dependsOn: Dependencies | undefined = undefined,
): Answer {
  return { ...empty, rcode: code, authorities: [authority], dependsOn };
}
