import { maxOutputBytes } from './config.ts';

/**
 * What a check says about its last run, in the words that Consul uses: people and scripts read them.
 * An address is as the check's definition wrote it.
 */
export const output = {
  http: (method: string, url: string, status: string, body: string): string =>
    `HTTP ${method} ${url}: ${status} Output: ${body}`,
  httpFailed: (method: string, url: string, reason: string): string =>
    `${method.charAt(0)}${method.slice(1).toLowerCase()} "${url}": ${reason}`,
  tcp: (address: string): string => `TCP connect ${address}: Success`,
  grpc: (target: string): string => `gRPC check ${target}: success`,
  grpcUnhealthy: (target: string, status: string): string =>
    `gRPC check ${target}: the application does not report the service healthy (${status})`,
  rpcFailed: (target: string, code: string, message: string): string =>
    `gRPC check ${target}: rpc error: code = ${code} desc = ${message}`,
  h2ping: (address: string): string => `HTTP/2 ping of ${address}: success`,
  h2pingFailed: (address: string, reason: string): string => `HTTP/2 ping of ${address} failed: ${reason}`,
  udp: (address: string): string => `UDP connect ${address}: Success`,
  aliasMissing: (instance: string, node: string): string =>
    `Service ${instance} could not be found on node ${node}`,
  aliasNothing: 'No checks found.',
  aliasPassing: 'All checks passing.',
  aliasFailing: (check: string, itsOutput: string): string =>
    `Aliased check "${check}" failing: ${itsOutput}`,
  ttlExpired: (lastOutput: string): string =>
    lastOutput === '' ? 'TTL expired' : `TTL expired (last output before timeout follows): ${lastOutput}`,
};

/** A reported text within the limit; says so where it was cut. */
export function cutOutput(text: string): string {
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxOutputBytes) return text;
  const kept = Buffer.from(text)
    .subarray(0, maxOutputBytes)
    .toString('utf8')
    .replace(/\uFFFD$/, '');
  return `${kept} ... (captured ${maxOutputBytes} of ${bytes} bytes)`;
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  ECONNRESET: 'read: connection reset by peer',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
  EPIPE: 'write: broken pipe',
  EMFILE: 'socket: too many open files',
};

/** Why a connection to `address` failed, as Consul's users know it. */
export function dialFailure(
  address: string,
  error: NodeJS.ErrnoException,
  network: 'tcp' | 'udp' = 'tcp',
): string {
  return `dial ${network} ${address}: ${reasonOf(error)}`;
}

export function reasonOf(error: NodeJS.ErrnoException): string {
  return (error.code === undefined ? undefined : reasons[error.code]) ?? error.message;
}

/** The text behind percent signs; where they make no sense, the text as it is. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
