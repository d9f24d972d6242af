import type { Endpoint } from '@portolan/core/traffic/model.ts';
import type { EndpointState } from '../endpoint-state.ts';

/** A cluster's endpoints after a change of its list. */
export interface MatchedEndpoints {
  /** In the order of the list; who was there before is the same object. */
  readonly states: readonly EndpointState[];
  readonly added: readonly EndpointState[];
  readonly gone: readonly EndpointState[];
}

/** So many that came or left in a row are recognised as such at a glance; others are looked up by name. */
const lookAhead = 4;

/**
 * Finds in a new list the endpoints that are known already, and gives them their newest record. Both lists are walked side by side, as most
 * changes leave nearly all of a list in its order.
 */
export function matchEndpoints(
  before: readonly EndpointState[],
  list: readonly Endpoint[],
  make: (endpoint: Endpoint) => EndpointState,
): MatchedEndpoints {
  const states = new Array<EndpointState>(list.length);
  const left: EndpointState[] = [];
  const open: number[] = [];
  let old = 0;
  let index = 0;
  while (index < list.length && old < before.length) {
    if (isSame(before[old], list[index])) {
      states[index++] = before[old++] as EndpointState;
      continue;
    }
    const skip = stepsToMatch(before, old, list, index);
    for (let step = Math.max(1, -skip); step > 0 && skip <= 0; step--)
      left.push(before[old++] as EndpointState);
    for (let step = Math.max(1, skip); step > 0 && skip >= 0; step--) open.push(index++);
  }
  while (old < before.length) left.push(before[old++] as EndpointState);
  while (index < list.length) open.push(index++);
  const { added, gone } = matchByName(left, open, list, states, make);
  for (let at = 0; at < list.length; at++) (states[at] as EndpointState).endpoint = list[at] as Endpoint;
  return { states, added, gone };
}

/** How many of the new list (positive) or of the old (negative) lie before the next match; 0: none is near. */
function stepsToMatch(
  before: readonly EndpointState[],
  old: number,
  list: readonly Endpoint[],
  index: number,
): number {
  for (let step = 1; step <= lookAhead; step++) {
    if (isSame(before[old + step], list[index])) return -step;
    if (isSame(before[old], list[index + step])) return step;
  }
  return 0;
}

/** Fills the places `open` of `states` with those of `left` that belong there, or with new ones. */
function matchByName(
  left: readonly EndpointState[],
  open: readonly number[],
  list: readonly Endpoint[],
  states: EndpointState[],
  make: (endpoint: Endpoint) => EndpointState,
): { readonly added: EndpointState[]; readonly gone: EndpointState[] } {
  const byName = new Map<string, EndpointState>();
  const gone: EndpointState[] = [];
  const added: EndpointState[] = [];
  for (const state of left) {
    const name = identity(state.endpoint);
    if (byName.has(name)) gone.push(state);
    else byName.set(name, state);
  }
  for (const index of open) {
    const endpoint = list[index] as Endpoint;
    const name = identity(endpoint);
    let state = byName.get(name);
    byName.delete(name);
    if (state === undefined) {
      state = make(endpoint);
      added.push(state);
    }
    states[index] = state;
  }
  return { added, gone: [...gone, ...byName.values()] };
}

/** A changed address is another endpoint: old connections and old health say nothing about it. */
function isSame(state: EndpointState | undefined, endpoint: Endpoint | undefined): boolean {
  if (state === undefined || endpoint === undefined) return false;
  const known = state.endpoint;
  return (
    known === endpoint ||
    (known.id === endpoint.id && known.port === endpoint.port && known.address === endpoint.address)
  );
}

function identity({ id, address, port }: Endpoint): string {
  return `${id} ${address} ${port}`;
}
