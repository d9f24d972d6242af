import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/**
 * A browser on this machine can be made to talk to a loopback listener by any web page. Two doors are shut here:
 * DNS rebinding (a foreign name that resolves to us, so that the page is of the "same origin") by an allow-list of Host,
 * and cross-site writes by the Origin that browsers send with them.
 */
export interface OriginGuard {
  /** Why the request is refused, in words for its sender; undefined: it may pass. */
  refusal(request: IncomingMessage): string | undefined;
}

/** Host headers found good are remembered up to here; what is past it is only checked anew each time. */
const maxRemembered = 1_000;

/** `hostNames`: by which it may be called, besides IP literals, `localhost`, `*.localhost`, `consul` and `*.consul`; without port. */
export function originGuard(hostNames: readonly string[]): OriginGuard {
  const names = new Set(['localhost', 'consul', ...hostNames].map(canonicalName));
  const remembered = new Set<string>();

  function hostAllowed(host: string): boolean {
    if (remembered.has(host)) return true;
    if (!nameAllowed(hostName(host), names)) return false;
    if (remembered.size < maxRemembered) remembered.add(host);
    return true;
  }

  return {
    refusal(request) {
      const host = request.headers.host;
      if (hasTwoHosts(request.rawHeaders)) return 'Host is given twice: say once which server is meant.';
      // Only HTTP/1.0 may leave it out, and no browser does.
      if (host !== undefined && !hostAllowed(host)) {
        return `Host "${host}" is not a name of this server. If it should be, add it with --http-allowed-hosts.`;
      }
      if (!writes(request.method)) return undefined;
      const origin = request.headers.origin;
      if (origin === undefined) {
        return request.headers['sec-fetch-site'] === 'cross-site' ? crossSite('another site') : undefined;
      }
      return sameOrigin(origin, host) ? undefined : crossSite(`"${origin}"`);
    },
  };
}

/** Node tells the first only; who is asked behind or before us may go by the other (RFC 9112 §3.2). */
function hasTwoHosts(rawHeaders: readonly string[]): boolean {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.length === 4 && rawHeaders[at]?.toLowerCase() === 'host') count += 1;
  }
  return count > 1;
}

function crossSite(from: string): string {
  return `A web page of ${from} may not change anything here: the request's Origin must be this server's own.`;
}

function writes(method: string | undefined): boolean {
  return method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS';
}

function sameOrigin(origin: string, host: string | undefined): boolean {
  const scheme = origin.indexOf('://');
  return scheme !== -1 && host !== undefined && origin.slice(scheme + 3).toLowerCase() === host.toLowerCase();
}

/** Without the port and without the brackets of an IPv6 literal. */
function hostName(host: string): string {
  if (host.startsWith('[')) return host.slice(1, host.indexOf(']'));
  const colon = host.lastIndexOf(':');
  return canonicalName(colon === -1 ? host : host.slice(0, colon));
}

function canonicalName(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

/** An IP literal cannot be rebound; `localhost` and `consul` are names that no public zone answers for. */
function nameAllowed(name: string, names: ReadonlySet<string>): boolean {
  return isIP(name) !== 0 || names.has(name) || name.endsWith('.localhost') || name.endsWith('.consul');
}
