/** Header fields that the proxy itself reads or owns; all others only pass through and have number 0. */
export const field = {
  other: 0,
  host: 1,
  connection: 2,
  contentLength: 3,
  transferEncoding: 4,
  keepAlive: 5,
  proxyConnection: 6,
  te: 7,
  trailer: 8,
  upgrade: 9,
  expect: 10,
  xForwardedFor: 11,
  xForwardedProto: 12,
  xForwardedHost: 13,
  /** Any further `X-Forwarded-…`, `Forwarded` and `X-Real-IP`: told by trusted peers only. */
  forwardedOther: 14,
  xRequestId: 15,
  http2Settings: 16,
  userAgent: 17,
  hops: 18,
  /** Any `ssl-client-…`: what TLS found out of a client, which we alone say. */
  sslClient: 19,
} as const;

const names: readonly (readonly [string, number])[] = [
  ['host', field.host],
  ['connection', field.connection],
  ['content-length', field.contentLength],
  ['transfer-encoding', field.transferEncoding],
  ['keep-alive', field.keepAlive],
  ['proxy-connection', field.proxyConnection],
  ['te', field.te],
  ['trailer', field.trailer],
  ['upgrade', field.upgrade],
  ['expect', field.expect],
  ['x-forwarded-for', field.xForwardedFor],
  ['x-forwarded-proto', field.xForwardedProto],
  ['x-forwarded-host', field.xForwardedHost],
  ['x-real-ip', field.forwardedOther],
  ['forwarded', field.forwardedOther],
  ['x-request-id', field.xRequestId],
  ['http2-settings', field.http2Settings],
  ['user-agent', field.userAgent],
  ['x-portolan-hops', field.hops],
];

interface KnownName {
  readonly number: number;
  readonly octets: Uint8Array;
}

const longest = Math.max(...names.map(([name]) => name.length));
const byLength: readonly (readonly KnownName[])[] = Array.from({ length: longest + 1 }, (_, length) =>
  names
    .filter(([name]) => name.length === length)
    .map(([name, number]) => ({ number, octets: Uint8Array.from(name, (c) => c.charCodeAt(0)) })),
);

/**
 * The number of the field named by `bytes[start, end)`, whatever its case, without making a string. The octets must
 * have been checked to be a token: then setting bit 0x20 can only turn a capital into its small letter.
 */
export function knownField(bytes: Uint8Array, start: number, end: number): number {
  const candidates = byLength[end - start];
  if (candidates === undefined) return otherField(bytes, start, end);
  for (let index = 0; index < candidates.length; index++) {
    const { octets, number } = candidates[index] as KnownName;
    if (sameName(bytes, start, octets)) return number;
  }
  return otherField(bytes, start, end);
}

const forwardedPrefix = Uint8Array.from('x-forwarded-', (c) => c.charCodeAt(0));
const sslClientPrefix = Uint8Array.from('ssl-client-', (c) => c.charCodeAt(0));

function otherField(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length > forwardedPrefix.length && sameName(bytes, start, forwardedPrefix)) return field.forwardedOther;
  return length > sslClientPrefix.length && sameName(bytes, start, sslClientPrefix)
    ? field.sslClient
    : field.other;
}

function sameName(bytes: Uint8Array, start: number, name: Uint8Array): boolean {
  for (let index = 0; index < name.length; index++) {
    if (((bytes[start + index] as number) | 0x20) !== name[index]) return false;
  }
  return true;
}

const protectedNames: ReadonlySet<string> = new Set(
  names.filter(([, number]) => number !== field.userAgent).map(([name]) => name),
);

/**
 * Whether `name` (lower case) would be mistaken for a protected field by a server that writes `_` or `.` for `-`, as CGI's
 * variables do: `x_forwarded_for`, `content_length`.
 */
export function imitatesProtected(name: string): boolean {
  const canonical = name.replaceAll('_', '-').replaceAll('.', '-');
  return canonical !== name && (protectedNames.has(canonical) || isVouched(canonical));
}

/** Whether it says who a client is. */
function isVouched(name: string): boolean {
  return name.startsWith('x-forwarded-') || name.startsWith('ssl-client-');
}

const neverNamed: ReadonlySet<string> = new Set([
  ...protectedNames,
  ...['authorization', 'cookie', 'set-cookie', 'date', 'cache-control', 'content-type', 'content-encoding'],
  ...['content-range', 'etag', 'location', 'via', 'traceparent', 'tracestate', 'origin', 'accept-encoding'],
]);

/**
 * Whether `Connection: <name>` may take a field away (RFC 9110 §7.6.1). Not those whose loss would change what a request
 * means to the next hop: CVE-2024-45410 and its kin. Hop-by-hop fields go in any case.
 */
export function connectionMayName(name: string): boolean {
  return !neverNamed.has(name) && !isVouched(name);
}

/** Whether a field may stand in a trailer section that we pass on (RFC 9110 §6.5.1): nothing that frames, routes or grants. */
export function allowedInTrailer(name: string): boolean {
  return connectionMayName(name) && !imitatesProtected(name) && !name.startsWith('content-');
}
