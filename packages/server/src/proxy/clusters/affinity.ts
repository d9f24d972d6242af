import { randomBytes } from 'node:crypto';
import { hashKey } from '@portolan/core/balance/hash-key.ts';
import type { HashKey, RouteAction, StickyCookie } from '@portolan/core/traffic/model.ts';
import type { ClusterState } from '../cluster-state.ts';
import type { EndpointState } from '../endpoint-state.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { Plane } from '../plane.ts';
import { headerLine } from '../policies/header-edit.ts';
import { type RequestSource, RequestView } from '../request-view.ts';

/** What of one request ties it to an endpoint: a sticky cookie, the key of consistent hashing, or both. */
export class Affinity {
  readonly #sticky: StickyCookie | undefined;
  /** The sticky cookie that came; undefined: none. */
  readonly #token: string | undefined;
  readonly #keyHash: number | undefined;
  /** Of the key's cookie, where the client had none. */
  readonly #keyLine: string;

  constructor(sticky: StickyCookie | undefined, key: HashKey | undefined, request: RequestView) {
    this.#sticky = sticky;
    this.#token = sticky === undefined ? undefined : request.cookie(sticky.name);
    let value = key === undefined ? undefined : keyOf(key, request);
    this.#keyLine = '';
    if (value === undefined && key?.type === 'cookie' && key.ttlS !== undefined) {
      value = randomBytes(16).toString('hex');
      this.#keyLine = cookieLine(value, { name: key.name, path: key.path ?? '/', ...lifetime(key.ttlS) });
    }
    this.#keyHash = value === undefined ? undefined : hashKey(value);
  }

  pick(cluster: ClusterState, tried: readonly EndpointState[]): EndpointState | undefined {
    const known = this.#token === undefined ? undefined : cluster.pickSticky(this.#token);
    return known !== undefined && !tried.includes(known) ? known : cluster.pickOther(tried, this.#keyHash);
  }

  /** What the client is to be told beside an answer of `endpoint`: cookies that it does not have yet. CR LF after each. */
  lines(endpoint: EndpointState): string {
    const sticky = this.#sticky;
    if (sticky === undefined || this.#token === endpoint.stickyToken) return this.#keyLine;
    return this.#keyLine + cookieLine(endpoint.stickyToken, sticky);
  }
}

/** Undefined: nothing ties requests of this route and cluster. */
export function affinityOf(
  action: RouteAction | undefined,
  cluster: ClusterState,
  request: { readonly plane: Plane; readonly client: RequestSource; readonly head: RequestHead },
): Affinity | undefined {
  const sticky = action?.type === 'forward' ? action.sticky : undefined;
  const balance = cluster.config?.balance;
  const key = balance !== undefined && 'key' in balance ? balance.key : undefined;
  if (sticky === undefined && key === undefined) return undefined;
  return new Affinity(sticky, key, new RequestView(request.head, request.client, request.plane.trusted));
}

/** Undefined: the request has none, and any endpoint will do. */
function keyOf(key: HashKey, request: RequestView): string | undefined {
  switch (key.type) {
    case 'header':
      return request.header(key.name);
    case 'cookie':
      return request.cookie(key.name);
    case 'query':
      return request.query(key.name);
    case 'uri':
      return `${request.head.path}${request.head.query}`;
    case 'source-address':
      return request.clientAddress;
  }
}

/** Scripts have no use for it. 0 s, as in Envoy, is a session cookie. */
function lifetime(ttlS: number): Partial<StickyCookie> {
  return { httpOnly: true, ...(ttlS > 0 ? { maxAgeS: ttlS } : {}) };
}

/** RFC 6265 §4.1. */
function cookieLine(value: string, cookie: StickyCookie): string {
  const { name, path = '/', domain, maxAgeS, secure, httpOnly, sameSite } = cookie;
  return headerLine(
    'Set-Cookie',
    `${name}=${value}; Path=${path}` +
      (domain === undefined ? '' : `; Domain=${domain}`) +
      (maxAgeS === undefined ? '' : `; Max-Age=${Math.trunc(maxAgeS)}`) +
      (secure === true ? '; Secure' : '') +
      (httpOnly === true ? '; HttpOnly' : '') +
      (sameSite === undefined ? '' : `; SameSite=${sameSite}`),
  );
}
