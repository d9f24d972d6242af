import { createHash } from 'node:crypto';
import { isIP } from 'node:net';

/** What a name must be like to stand in an upstream's name as it is. */
const plainName = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * The upstream of a cluster. nginx compares these names without regard to case and as parts of a URL, so that a name of any
 * other form is told by what is left of it and a hash. The underscore before the hash is in no plain name.
 */
export function upstreamName(cluster: string): string {
  if (plainName.test(cluster)) return `portolan_${cluster}`;
  const rest = cluster
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 32);
  // JSON tells apart what has no UTF-8.
  const hash = createHash('sha256').update(JSON.stringify(cluster)).digest('hex').slice(0, 16);
  return `portolan_${rest}_${hash}`;
}

const hostLabel = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** A host name that `server_name` takes as nothing but a name: lower case, `*.` or `?.` before it allowed. RFC 1035 §2.3.4 for the lengths. */
export function isServerName(domain: string): boolean {
  const name = /^[*?]\./.test(domain) ? domain.slice(2) : domain;
  return name.length <= 253 && name.split('.').every((label) => hostLabel.test(label));
}

/**
 * `IP:PORT` for an upstream's `server`, undefined for anything but an address: a host name would be looked up as nginx reads its
 * configuration, and one that cannot be resolved would keep every later configuration from being read.
 */
export function endpointAddress(address: string, port: number): string | undefined {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  switch (isIP(address)) {
    case 4:
      return `${address}:${port}`;
    case 6:
      // A zone (`fe80::1%eth0`) is not understood.
      return address.includes('%') ? undefined : `[${address}]:${port}`;
    default:
      return undefined;
  }
}

/** nginx keeps the length of a location in one byte. */
const maxPrefixBytes = 255;

/** Whether `location` can stand for the prefix; undefined: it can. */
export function prefixProblem(prefix: string): string | undefined {
  if (!prefix.startsWith('/')) return 'must begin with "/"';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: nginx compares locations up to the first zero byte
  if (/[\u0000-\u001f\u007f]/.test(prefix)) return 'must not hold control characters';
  if (!prefix.isWellFormed()) return 'must be valid Unicode';
  return Buffer.byteLength(prefix) > maxPrefixBytes
    ? `must be at most ${maxPrefixBytes} bytes long`
    : undefined;
}
