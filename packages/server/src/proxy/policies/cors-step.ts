import type { CorsPolicy, TextMatch } from '@portolan/core/traffic/model.ts';
import type { RequestView } from '../request-view.ts';
import type { PolicyRequest } from '../route-policy.ts';
import { compileText } from '../routes/text-test.ts';
import { isHeaderValue } from './header-edit.ts';
import type { Denial, PolicyState, PolicyStep } from './step.ts';

type OriginTest = (origin: string, view: RequestView) => boolean;

/** What an upstream says itself gives way. */
const ours: ReadonlySet<string> = new Set([
  ...['access-control-allow-origin', 'access-control-allow-credentials', 'access-control-allow-methods'],
  ...['access-control-allow-headers', 'access-control-expose-headers', 'access-control-max-age'],
]);

/** A list of tokens: what a preflight may ask for and have echoed. */
const tokenList = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+)*$/;

/**
 * CORS (Fetch standard §3.2): answers preflights, with nothing in it for an origin that is not allowed, and tells browsers who may read the
 * answers to the rest. Requests themselves are let through whatever their origin: it is the browser that obeys.
 */
export class CorsStep implements PolicyStep {
  readonly credential = false;
  readonly #policy: CorsPolicy;
  readonly #origins: readonly OriginTest[];
  /** Answers are the same for all origins. */
  readonly #open: boolean;

  constructor(policy: CorsPolicy) {
    this.#policy = policy;
    this.#origins = policy.origins.map(compileOrigin);
    this.#open = policy.origins.some(isAny) && policy.credentials !== true;
  }

  check(request: PolicyRequest, state: PolicyState): Denial | undefined {
    const { view } = state;
    const origin = view.header('origin');
    if (!this.#open) state.responseLines += 'Vary: Origin\r\n';
    if (origin === undefined) return undefined;
    state.responseDrops = ours;
    const allowed = isHeaderValue(origin) && this.#origins.some((test) => test(origin, view));
    const asked = view.header('access-control-request-method');
    if (allowed) state.responseLines += this.#originLines(origin);
    if (request.head.method !== 'OPTIONS' || asked === undefined) {
      if (allowed) state.responseLines += this.#exposeLine();
      return undefined;
    }
    const lines = allowed ? this.#preflightLines(asked, view.header('access-control-request-headers')) : '';
    return { status: 204, code: 'cors-preflight', body: '', contentType: '', lines };
  }

  #originLines(origin: string): string {
    const credentials = this.#policy.credentials === true ? 'Access-Control-Allow-Credentials: true\r\n' : '';
    return `Access-Control-Allow-Origin: ${this.#open ? '*' : origin}\r\n${credentials}`;
  }

  #exposeLine(): string {
    const { exposeHeaders = [] } = this.#policy;
    return line('Access-Control-Expose-Headers', exposeHeaders.join(', '));
  }

  #preflightLines(method: string, headers: string | undefined): string {
    const policy = this.#policy;
    const maxAge =
      policy.maxAgeS === undefined ? '' : `Access-Control-Max-Age: ${Math.trunc(policy.maxAgeS)}\r\n`;
    return (
      line('Access-Control-Allow-Methods', listed(policy.methods, method, policy.credentials === true)) +
      line('Access-Control-Allow-Headers', listed(policy.headers, headers, policy.credentials === true)) +
      maxAge
    );
  }
}

/** With credentials, `*` is only a name (Fetch standard): what was asked for is said instead. */
function listed(values: readonly string[], asked: string | undefined, credentials: boolean): string {
  if (!values.includes('*')) return values.join(', ');
  if (!credentials) return '*';
  return asked !== undefined && tokenList.test(asked) ? asked : '';
}

/** Empty, where it is no list of names: the whole of it then means nothing to a browser. */
function line(name: string, value: string): string {
  return tokenList.test(value) ? `${name}: ${value}\r\n` : '';
}

function isAny(match: TextMatch): boolean {
  return (
    (match.type === 'exact' && match.value === '*') || (match.type === 'present' && match.invert !== true)
  );
}

/** `https://*.shop.test`: the star is one label. No origin holds a star itself. */
function compileOrigin(match: TextMatch): OriginTest {
  if (isAny(match)) return () => true;
  const star = match.type === 'exact' ? match.value.indexOf('*') : -1;
  if (star === -1) {
    const test = compileText(match);
    return (origin, view) => test(origin, view);
  }
  const [before, after] = [
    match.value.slice(0, star).toLowerCase(),
    match.value.slice(star + 1).toLowerCase(),
  ];
  return (origin) => {
    const lower = origin.toLowerCase();
    const label = lower.slice(before.length, lower.length - after.length);
    return (
      lower.length > before.length + after.length &&
      lower.startsWith(before) &&
      lower.endsWith(after) &&
      /^[a-z0-9_-]+$/.test(label)
    );
  };
}
