/**
 * The filter language of Consul's HTTP API (`?filter=`), as a tree.
 * Source: https://developer.hashicorp.com/consul/api-docs/features/filtering
 */
export type Expression =
  | { readonly type: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly type: 'not'; readonly operand: Expression }
  | Match
  | Quantified;

/** `Service.Tags contains "v1"`. */
export interface Match {
  readonly type: 'match';
  readonly operator: MatchOperator;
  readonly selector: Selector;
  /** As written; '' for `is empty`. What it means depends on the selected field's type. */
  readonly value: string;
}

/** `in` covers `contains` too: the value is in what the selector names. */
export type MatchOperator =
  | 'equal'
  | 'not-equal'
  | 'in'
  | 'not-in'
  | 'empty'
  | 'not-empty'
  | 'matches'
  | 'not-matches';

/** `any Service.Tags as tag { tag == "v1" }`. Maps bind a key, and with a second name the value. */
export interface Quantified {
  readonly type: 'any' | 'all';
  readonly selector: Selector;
  readonly names: readonly string[];
  readonly body: Expression;
}

/** The names on the way from the top of an item to a field. */
export type Selector = readonly string[];
