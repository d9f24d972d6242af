import type { Endpoint } from '@portolan/core/traffic/model.ts';
import type { EndpointState } from '../endpoint-state.ts';

/** A cluster's endpoints after a change of its list. */
export interface MatchedEndpoints {
  /** In the order of the list; who was there before is the same object. */
  readonly states: readonly EndpointState[];
  readonly added: readonly EndpointState[];
  readonly gone: readonly EndpointState[];
}

/**
 * Finds in a new list the endpoints that are known already, and gives them their newest record. Most changes leave the beginning and the
 * end of a list as they were: only what lies between is looked up by name.
 */
export function matchEndpoints(
  before: readonly EndpointState[],
  list: readonly Endpoint[],
  make: (endpoint: Endpoint) => EndpointState,
): MatchedEndpoints {
  const shorter = Math.min(before.length, list.length);
  let head = 0;
  while (head < shorter && isSame(before[head], list[head])) head++;
  let tail = 0;
  while (tail < shorter - head && isSame(before.at(-1 - tail), list.at(-1 - tail))) tail++;
  const left = new Map<string, EndpointState>();
  const gone: EndpointState[] = [];
  for (let index = head; index < before.length - tail; index++) {
    const state = before[index] as EndpointState;
    const key = identity(state.endpoint);
    if (left.has(key)) gone.push(state);
    else left.set(key, state);
  }
  const added: EndpointState[] = [];
  const states = new Array<EndpointState>(list.length);
  for (let index = 0; index < list.length; index++) {
    const endpoint = list[index] as Endpoint;
    let state: EndpointState | undefined;
    if (index < head) state = before[index];
    else if (index >= list.length - tail) state = before[index - list.length + before.length];
    else {
      const key = identity(endpoint);
      state = left.get(key);
      left.delete(key);
    }
    if (state === undefined) {
      state = make(endpoint);
      added.push(state);
    }
    state.endpoint = endpoint;
    states[index] = state;
  }
  return { states, added, gone: [...gone, ...left.values()] };
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
