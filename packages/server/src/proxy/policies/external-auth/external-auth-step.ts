import type { ExternalAuth } from '@portolan/core/traffic/model.ts';
import type { ClusterState } from '../../cluster-state.ts';
import type { RequestHead } from '../../http1/request-head.ts';
import type { RequestView } from '../../request-view.ts';
import type { PolicyRequest } from '../../route-policy.ts';
import type { PolicyEnvironment } from '../environment.ts';
import { headerLine, isFieldName, isHeaderValue } from '../header-edit.ts';
import { type Decision, type Denial, denial, type PolicyState, type PolicyStep } from '../step.ts';
import { ClusterSubrequest } from './cluster-subrequest.ts';
import { originalUrl, withVariables } from './original-request.ts';
import type { SubrequestAnswer, Subrequests } from './subrequest.ts';

/** Of one route at the same time; a service that hangs must not gather all requests there are. */
const maxUnderWay = 1_000;

/** nginx's `proxy_read_timeout`. */
const longestTimeoutMs = 60_000;

const failed = denial(500, 'auth-failed', 'the authentication service did not answer as it should');
const overloaded = denial(503, 'auth-overload', 'too many requests wait for the authentication service');
/** They say how long a body is that the service is not sent, or end at this hop. */
const notSent: ReadonlySet<string> = new Set([
  'content-type',
  'content-encoding',
  'accept-encoding',
  'range',
]);

/**
 * Asks another service whether a request may pass: 2xx lets it, 401 and 403 are passed on, anything else is a 500. It is sent the
 * request's header fields, with `X-Original-URL`, `X-Original-Method`, `X-Forwarded-…` and no body.
 */
export class ExternalAuthStep implements PolicyStep {
  readonly credential = true;
  readonly #policy: ExternalAuth;
  readonly #subrequests: Subrequests;
  readonly #copied: ReadonlySet<string>;
  readonly #method: string;
  readonly #cluster: ClusterState | undefined;
  #underWay = 0;

  constructor(policy: ExternalAuth, { subrequests, clusterOf }: PolicyEnvironment) {
    this.#policy = policy;
    this.#subrequests = subrequests;
    this.#cluster = policy.cluster === undefined ? undefined : clusterOf(policy.cluster);
    this.#copied = new Set(policy.responseHeaders.map((name) => name.toLowerCase()).filter(isFieldName));
    this.#method = /^[A-Z]{1,16}$/.test(policy.method) ? policy.method : 'GET';
  }

  check(request: PolicyRequest, state: PolicyState): Denial | Decision {
    const { view } = state;
    const url = URL.parse(withVariables(this.#policy.url, view));
    if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return failed;
    if (this.#underWay >= maxUnderWay) return overloaded;
    return (settle) => {
      this.#underWay++;
      const cancel = this.#ask(url, request, view, (answer) => {
        this.#underWay--;
        settle(this.#judge(answer, state));
      });
      return () => {
        this.#underWay--;
        cancel();
      };
    };
  }

  /** A service that this gateway leads to is asked directly: the way over the network may lead to our own door, and ends there. */
  #ask(
    url: URL,
    request: PolicyRequest,
    view: RequestView,
    settle: (answer: SubrequestAnswer | undefined) => void,
  ): () => void {
    const timeoutMs = boundedMs(this.#policy.timeoutMs);
    const method = this.#method;
    const headers = sentHeaders(request, view);
    const head = innerHead(request.head, url, method, headers);
    const cluster = this.#cluster ?? ownCluster(request, head, url);
    if (cluster === undefined) {
      if (method !== 'GET' && method !== 'HEAD') headers.push('Content-Length', '0');
      return this.#subrequests.ask(url, { method, headers, timeoutMs }, settle);
    }
    const { forwardedLines } = request;
    const asked = new ClusterSubrequest(request.plane, cluster, { head, forwardedLines, timeoutMs }, settle);
    return () => asked.cancel();
  }

  #judge(answer: SubrequestAnswer | undefined, state: PolicyState): Denial | undefined {
    if (answer === undefined) return failed;
    // A session that the service renews reaches the client whatever it decided.
    state.responseLines += linesOf(answer, (name) => name === 'set-cookie');
    if (answer.status >= 200 && answer.status < 300) {
      // What the client says in these of its own accord must never look like the service's word.
      state.requestDrops = new Set([...(state.requestDrops ?? []), ...this.#copied]);
      state.requestLines += linesOf(answer, (name) => this.#copied.has(name));
      return undefined;
    }
    if (answer.status !== 401 && answer.status !== 403) return failed;
    if (answer.status === 401 && this.#policy.signIn !== undefined)
      return signIn(this.#policy.signIn, state.view);
    const [, contentType = 'text/plain'] = answer.headers.find(([name]) => name === 'content-type') ?? [];
    return {
      ...{ status: answer.status, code: 'unauthorized', contentType },
      body: Buffer.from(answer.body, 'latin1').toString('utf8'),
      lines: linesOf(answer, (name) => name === 'www-authenticate'),
    };
  }
}

/** 0 and nonsense are the longest: none at all would keep requests for ever. */
function boundedMs(timeoutMs: number): number {
  return timeoutMs > 0 && timeoutMs < longestTimeoutMs ? timeoutMs : longestTimeoutMs;
}

/** Where requests for that address are sent, if its name is one of this gateway's and no other port is named. */
function ownCluster(request: PolicyRequest, head: RequestHead, url: URL): ClusterState | undefined {
  const { plane, client } = request;
  if (url.port !== '' || !plane.router.claims(client.table, head.authority.host)) return undefined;
  return plane.router.find(client.table, head, client)?.targets?.draw().cluster;
}

/** The names of `forwardedLines`: they are told there. */
const forwarded = new Set(['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-request-id']);

function innerHead(head: RequestHead, url: URL, method: string, headers: readonly string[]): RequestHead {
  let lines = '';
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? '';
    if (!forwarded.has(name.toLowerCase())) lines += `${name}: ${headers[at + 1]}\r\n`;
  }
  const authority = { host: url.hostname, text: url.host };
  const plain = { body: 0, upgrade: false, expectsContinue: false, minor: 1 };
  return { ...head, ...plain, method, path: url.pathname, query: url.search, authority, lines };
}

function signIn(address: string, view: RequestView): Denial {
  const filled = withVariables(address, view);
  const back = `rd=${encodeURIComponent(originalUrl(view))}`;
  const location = /[?&]rd=/.test(filled) ? filled : `${filled}${filled.includes('?') ? '&' : '?'}${back}`;
  const line = headerLine('Location', location);
  return line === '' ? failed : denial(302, 'sign-in', 'sign in first', line);
}

function sentHeaders(request: PolicyRequest, view: RequestView): string[] {
  const { head } = view;
  const headers: string[] = [];
  for (const line of head.lines.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon === -1 || notSent.has(line.slice(0, colon).toLowerCase())) continue;
    headers.push(line.slice(0, colon), line.slice(colon + 2));
  }
  headers.push('X-Original-URL', originalUrl(view), 'X-Original-Method', head.method);
  headers.push('X-Auth-Request-Redirect', head.path + head.query, 'X-Request-Id', request.requestId);
  headers.push('X-Real-IP', view.clientAddress, 'X-Forwarded-For', view.clientAddress);
  headers.push('X-Forwarded-Proto', view.scheme, 'X-Forwarded-Host', head.authority.text);
  headers.push('X-Forwarded-Uri', head.path + head.query, 'X-Forwarded-Method', head.method);
  return headers;
}

function linesOf(answer: SubrequestAnswer, wanted: (name: string) => boolean): string {
  return answer.headers
    .filter(([name, value]) => wanted(name) && isHeaderValue(value))
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}
