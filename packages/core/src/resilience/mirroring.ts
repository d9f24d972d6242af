import type { Random } from '../base/clock.ts';

/** A copy of some requests goes to another cluster; its responses are thrown away. Envoy's `RequestMirrorPolicy`. */
export interface MirrorPolicy {
  readonly cluster: string;
  readonly percent: number;
}

/**
 * Whether this request is copied. `bodyBytes`: undefined when it is not known before the end; such bodies, and those longer than what
 * may be kept for a copy, are not: a mirror must neither cost the memory nor slow the request itself.
 */
export function shouldMirror(
  policy: MirrorPolicy,
  body: { readonly bodyBytes: number | undefined; readonly maxBodyBytes: number },
  random: Random,
): boolean {
  if (body.bodyBytes === undefined || body.bodyBytes > body.maxBodyBytes) return false;
  return policy.percent > 0 && random() * 100 < policy.percent;
}

/** The copy's `Host`: `shop.test:8080` becomes `shop.test-shadow:8080`, as in Envoy, so that logs tell it apart. */
export function mirrorHost(host: string): string {
  const port = /:\d+$/.exec(host);
  // The colons of a bare IPv6 address are no port's.
  if (port === null || (host.includes(':', host.indexOf(':') + 1) && !host.startsWith('[')))
    return `${host}-shadow`;
  return `${host.slice(0, port.index)}-shadow${port[0]}`;
}
