import type { RouteMatch } from '../../route.ts';
import type { Canary } from './path-rule.ts';

/** Requests that a header or a cookie sends to the canary, or keeps from it, before the weight is asked. */
export interface CanaryDecision {
  /** Of the route's name. */
  readonly suffix: string;
  readonly match: Omit<RouteMatch, 'path'>;
  readonly canary: boolean;
}

/** In order: the header, then the cookie. What they do not decide is left to the weight. */
export function decisionsOf({ header, cookie }: Canary): readonly CanaryDecision[] {
  const decisions: CanaryDecision[] = [];
  const decide = (suffix: string, match: Omit<RouteMatch, 'path'>, canary: boolean): void => {
    decisions.push({ suffix, match, canary });
  };
  if (header !== undefined) {
    const { name, value, pattern } = header;
    if (value !== undefined) {
      decide('/canary-header', { headers: [{ name, type: 'exact', value }] }, true);
    } else if (pattern !== undefined) {
      // ingress-nginx looks for it anywhere in the value.
      const anywhere = `.*(?:${pattern}).*`;
      decide('/canary-header', { headers: [{ name, type: 'regex', value: anywhere }] }, true);
    } else {
      decide('/canary-header', { headers: [{ name, type: 'exact', value: 'always' }] }, true);
      decide('/canary-header-never', { headers: [{ name, type: 'exact', value: 'never' }] }, false);
    }
  }
  if (cookie !== undefined) {
    decide('/canary-cookie', { cookies: [{ name: cookie, type: 'exact', value: 'always' }] }, true);
    decide('/canary-cookie-never', { cookies: [{ name: cookie, type: 'exact', value: 'never' }] }, false);
  }
  return decisions;
}
