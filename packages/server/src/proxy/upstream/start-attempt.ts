import type { Attempt, AttemptOwner } from '../attempt.ts';
import type { ClusterState } from '../cluster-state.ts';
import type { EndpointState } from '../endpoint-state.ts';
import type { Plane } from '../plane.ts';
import { Http1Attempt } from './http1-attempt.ts';
import { Http2Attempt } from './http2-attempt.ts';

const onlyHttp2 = ['h2'] as const;
const eitherHttp = ['h2', 'http/1.1'] as const;

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
  const { protocol = 'http1', tls } = cluster.config ?? {};
  if (protocol === 'http2') return new Http2Attempt(plane, cluster, endpoint, owner, onlyHttp2);
  // Only TLS can ask; and only HTTP/1 can switch to a WebSocket.
  const asks = protocol === 'auto' && tls !== undefined && !endpoint.sessions.http1Only;
  if (asks && !owner.outgoing.upgrade) return new Http2Attempt(plane, cluster, endpoint, owner, eitherHttp);
  return new Http1Attempt(plane, cluster, endpoint, owner, anew);
}
