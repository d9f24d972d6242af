import { hostOctet, octetClass } from './octets.ts';

/** Where a request wants to go. */
export interface Authority {
  /** Lower case, without a trailing dot and without port. An IPv6 literal keeps its brackets. Empty when `Host` was. */
  readonly host: string;
  /** As it is forwarded in `Host`: `host` and the port, if one was named. */
  readonly text: string;
}

/** The longest host name of DNS is 253; a colon and a port follow. */
const maxAuthorityLength = 262;

/** `Host` or the authority of an absolute target (RFC 9110 §7.2, RFC 3986 §3.2). Undefined: malformed, or with userinfo. */
export function parseAuthority(value: string): Authority | undefined {
  if (value.length > maxAuthorityLength) return undefined;
  const lower = value.toLowerCase();
  const portAt = lower.startsWith('[') ? lower.indexOf(']') + 1 : hostEnd(lower);
  const name = lower.slice(0, portAt);
  const host = name.length > 1 && name.endsWith('.') ? name.slice(0, -1) : name;
  if (!isHost(host)) return undefined;
  const port = lower.slice(portAt);
  if (port === '' || port === ':') return { host, text: host };
  if (!/^:[0-9]{1,5}$/.test(port) || Number(port.slice(1)) > 65_535 || host === '') return undefined;
  return { host, text: host + port };
}

function hostEnd(authority: string): number {
  const colon = authority.indexOf(':');
  return colon === -1 ? authority.length : colon;
}

function isHost(host: string): boolean {
  if (host.startsWith('[')) return /^\[[0-9a-f:.]{2,45}\]$/.test(host) && host.includes(':');
  for (let index = 0; index < host.length; index++) {
    const code = host.charCodeAt(index);
    if (code > 0x7f || ((octetClass[code] as number) & hostOctet) === 0) return false;
  }
  return !host.startsWith('.') && !host.includes('..');
}
