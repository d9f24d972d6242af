import type { Attempt, AttemptOwner } from '../attempt.ts';
import type { ClusterState } from '../cluster-state.ts';
import type { EndpointState } from '../endpoint-state.ts';
import type { Plane } from '../plane.ts';
import { Http1Attempt } from './http1-attempt.ts';

/**
 * A try at `endpoint` in the protocol that the cluster speaks; the caller keeps it, then calls `start`.
 *
 * @param anew on a connection of its own, whatever is pooled
 */
export function newAttempt(
  plane: Plane,
  cluster: ClusterState,
  endpoint: EndpointState,
  owner: AttemptOwner,
  anew: boolean,
): Attempt {
  return new Http1Attempt(plane, cluster, endpoint, owner, anew);
}
