import { Fault } from '@portolan/core/base/fault.ts';
import type { TrafficMessage } from '@portolan/core/traffic/model.ts';

/**
 * One line of the stream protocol. Throws a `Fault` (`invalid`) for what is no message: the data plane then keeps what it has and
 * asks again for a snapshot.
 */
export function parseTrafficMessage(line: string): TrafficMessage {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch (cause) {
    throw new Fault('invalid', 'a line of the traffic stream is no JSON', { cause });
  }
  if (!isRecord(message)) throw notA('message', '');
  const { type, revision } = message;
  if (type !== 'snapshot' && type !== 'update') throw notA('message type', 'type');
  if (typeof revision !== 'number') throw notA('number', 'revision');
  checkChange(message.certificates, 'certificates', (item) => typeof item.chain === 'string');
  checkChange(message.tlsHosts, 'tlsHosts', isTlsHost);
  checkChange(message.listeners, 'listeners', (item) => typeof item.protocol === 'string');
  checkChange(message.virtualHosts, 'virtualHosts', isVirtualHost);
  checkChange(message.clusters, 'clusters', isCluster);
  return message as unknown as TrafficMessage;
}

type Item = Readonly<Record<string, unknown>>;

function checkChange(change: unknown, path: string, fits: (item: Item) => boolean): void {
  if (!isRecord(change)) throw notA('change', path);
  const { put, remove } = change;
  if (!Array.isArray(remove) || !remove.every((name) => typeof name === 'string')) {
    throw notA('list of names', `${path}.remove`);
  }
  if (!Array.isArray(put)) throw notA('list', `${path}.put`);
  const bad = put.findIndex((item) => !isRecord(item) || typeof item.name !== 'string' || !fits(item));
  if (bad !== -1) throw notA('resource', `${path}.put[${bad}]`);
}

function isVirtualHost(item: Item): boolean {
  const { domains, routes } = item;
  return Array.isArray(domains) && Array.isArray(routes) && routes.every(isRoute);
}

function isTlsHost({ serverNames, action }: Item): boolean {
  return Array.isArray(serverNames) && isRecord(action);
}

function isRoute(route: unknown): boolean {
  if (!isRecord(route)) return false;
  const { match, action, retry } = route;
  return isRecord(match) && isRecord(match.path) && isRecord(action) && isRecord(retry);
}

function isCluster(item: Item): boolean {
  const { endpoints, outlier } = item;
  return Array.isArray(endpoints) && endpoints.every(isEndpoint) && isRecord(outlier);
}

function isEndpoint(endpoint: unknown): boolean {
  return (
    isRecord(endpoint) &&
    typeof endpoint.id === 'string' &&
    typeof endpoint.address === 'string' &&
    typeof endpoint.port === 'number'
  );
}

function isRecord(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function notA(what: string, path: string): Fault {
  return new Fault('invalid', `traffic stream: ${path === '' ? 'a line' : path} is not a ${what}`, { path });
}
