import { isIPv6 } from 'node:net';
import { Fault } from '@portolan/core/base/fault.ts';
import { isHostName } from '@portolan/core/base/host-name.ts';
import type { CheckDefinition, Health, Probe } from '@portolan/core/catalog/records.ts';
import { decodeFault, type Fields } from './fields.ts';

/** A check as a registration asks for it, before it has an id. */
export interface CheckRequest {
  /** '' where the registration leaves the id to us. */
  readonly id: string;
  readonly name: string;
  readonly notes: string;
  /** As written; '' where the registration leaves it to us. The caller knows its own error text. */
  readonly status: string;
  readonly definition: CheckDefinition;
}

/** Consul raises shorter ones to these without a word. */
const minIntervalMs = 1_000;
const minDeregisterMs = 60_000;
const defaultTimeoutMs = 10_000;

/** Kinds of check that are told apart by which field is set, and are not run here. */
const refused: readonly (readonly [field: string, why: string])[] = [
  ['Args', 'script checks are never accepted over the network; use HTTP, TCP, GRPC or TTL'],
  ['ScriptArgs', 'script checks are never accepted over the network; use HTTP, TCP, GRPC or TTL'],
  ['Script', 'script checks are never accepted over the network; use HTTP, TCP, GRPC or TTL'],
  ['DockerContainerID', 'Docker checks run commands and are never accepted over the network'],
  [
    'OSService',
    'what runs on the host cannot be asked over the network; let the service say it by HTTP, TCP, UDP, GRPC or TTL',
  ],
];

const meaningful = [
  ...['HTTP', 'TCP', 'UDP', 'GRPC', 'H2PING', 'AliasService', 'AliasNode', 'TTL', 'Interval'],
  ...refused.map(([field]) => field),
];

/** Whether a `Check` object says nothing: some clients send `{}` for none. */
export function isEmptyCheck(fields: Fields): boolean {
  return !meaningful.some((name) => fields.has(name));
}

/** Reads the definition of a check. Throws `Invalid check: …` with Consul's texts where it has one. */
export function readCheck(fields: Fields): CheckRequest {
  for (const [field, why] of refused) {
    if (isSet(fields, field)) throw invalidCheck(`${field}: ${why}`, fields.pathOf(field));
  }
  return {
    id: fields.string('CheckID') || fields.string('ID'),
    name: fields.string('Name'),
    notes: fields.string('Notes'),
    status: fields.string('Status'),
    definition: readDefinition(fields),
  };
}

function isSet(fields: Fields, name: string): boolean {
  const value = fields.json(name);
  return value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0);
}

function readDefinition(fields: Fields): CheckDefinition {
  const probe = readProbe(fields);
  const intervalMs = fields.durationMs('Interval');
  const ttl = fields.durationMs('TTL');
  if (intervalMs > 0 && ttl > 0) throw invalidCheck('Interval and TTL cannot both be specified');
  const asks = probe.type !== 'ttl' && probe.type !== 'alias';
  if (probe.type === 'alias') refuseTimes(intervalMs, ttl);
  if (asks && intervalMs <= 0) {
    throw invalidCheck(
      'Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks',
      fields.pathOf('Interval'),
    );
  }
  const thresholds = readThresholds(fields);
  const deregisterMs = fields.durationMs('DeregisterCriticalServiceAfter');
  return {
    probe,
    intervalMs: asks ? Math.max(minIntervalMs, intervalMs) : 0,
    timeoutMs: asks ? fields.durationMs('Timeout') || defaultTimeoutMs : 0,
    ...thresholds,
    deregisterAfterMs: deregisterMs > 0 ? Math.max(minDeregisterMs, deregisterMs) : 0,
  };
}

/** An alias is not asked and not told: it follows. */
function refuseTimes(intervalMs: number, ttl: number): void {
  if (intervalMs > 0) throw invalidCheck('Interval cannot be set for Alias checks');
  if (ttl > 0) throw invalidCheck('TTL must not be set for Alias checks');
}

function readThresholds(
  fields: Fields,
): Pick<CheckDefinition, 'successBeforePassing' | 'failuresBeforeWarning' | 'failuresBeforeCritical'> {
  const successBeforePassing = count(fields, 'SuccessBeforePassing');
  const failuresBeforeCritical = count(fields, 'FailuresBeforeCritical');
  // Consul: a warning threshold that is not given is the critical one.
  const failuresBeforeWarning = fields.has('FailuresBeforeWarning')
    ? count(fields, 'FailuresBeforeWarning')
    : failuresBeforeCritical;
  if (failuresBeforeWarning > failuresBeforeCritical) {
    throw invalidCheck("FailuresBeforeWarning can't be higher than FailuresBeforeCritical");
  }
  return { successBeforePassing, failuresBeforeWarning, failuresBeforeCritical };
}

function count(fields: Fields, name: string): number {
  const value = fields.integer(name);
  if (value < 0) throw invalidCheck(`${name} must not be negative`, fields.pathOf(name));
  return value;
}

/** How a check finds out, from the fields of a registration. */
export function readProbe(fields: Fields): Probe {
  const http = fields.string('HTTP');
  if (http !== '') return httpProbe(fields, http);
  const tcp = fields.string('TCP');
  if (tcp !== '') {
    checkHostPort(tcp, fields.pathOf('TCP'));
    return { type: 'tcp', address: tcp, tls: fields.boolean('TCPUseTLS') };
  }
  const udp = fields.string('UDP');
  if (udp !== '') {
    checkHostPort(udp, fields.pathOf('UDP'));
    return { type: 'udp', address: udp };
  }
  const h2ping = fields.string('H2PING');
  if (h2ping !== '') {
    checkHostPort(h2ping, fields.pathOf('H2PING'));
    const tls = fields.has('H2PingUseTLS') ? fields.boolean('H2PingUseTLS') : true;
    return { type: 'h2ping', address: h2ping, tls, tlsSkipVerify: fields.boolean('TLSSkipVerify') };
  }
  const grpc = fields.string('GRPC');
  if (grpc !== '') {
    checkHostPort(grpc.split('/', 1)[0] ?? '', fields.pathOf('GRPC'));
    if (!visible.test(grpc)) {
      throw invalidCheck(
        'GRPC must be host:port or host:port/service, without spaces',
        fields.pathOf('GRPC'),
      );
    }
    const tlsSkipVerify = fields.boolean('TLSSkipVerify');
    return { type: 'grpc', target: grpc, tls: fields.boolean('GRPCUseTLS'), tlsSkipVerify };
  }
  const alias = { node: fields.string('AliasNode'), instance: fields.string('AliasService') };
  if (alias.node !== '' || alias.instance !== '') return { type: 'alias', ...alias };
  const ttlMs = fields.durationMs('TTL');
  if (ttlMs <= 0) throw invalidCheck('TTL must be > 0 for TTL checks', fields.pathOf('TTL'));
  return { type: 'ttl', ttlMs };
}

const visible = /^[\x21-\x7e]+$/;
const methodToken = /^[!#$%&'*+.^_`|~\w-]{1,32}$/;

function httpProbe(fields: Fields, url: string): Probe {
  if (!URL.canParse(url) || !/^https?:\/\//i.test(url)) {
    throw invalidCheck(
      `HTTP must be an http:// or https:// URL, not ${JSON.stringify(url)}`,
      fields.pathOf('HTTP'),
    );
  }
  const method = fields.string('Method') || 'GET';
  if (!methodToken.test(method)) throw invalidCheck('Method is not an HTTP method', fields.pathOf('Method'));
  return {
    type: 'http',
    url,
    method,
    headers: readHeaders(fields),
    body: fields.string('Body'),
    tlsServerName: fields.string('TLSServerName'),
    tlsSkipVerify: fields.boolean('TLSSkipVerify'),
  };
}

/** A header that Node would refuse to send is refused here, where somebody reads the answer. */
const headerName = /^[!#$%&'*+.^_`|~\w-]{1,256}$/;
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/;

function readHeaders(fields: Fields): Readonly<Record<string, readonly string[]>> {
  const headers: Record<string, readonly string[]> = Object.create(null);
  for (const [name, values] of fields.entries('Header')) {
    const path = `${fields.pathOf('Header')}.${name}`;
    if (!Array.isArray(values) || values.some((value) => typeof value !== 'string')) {
      throw decodeFault(`cannot read it as []string: ${path}`, path);
    }
    const texts = values as readonly string[];
    if (!headerName.test(name) || texts.some((text) => !headerValue.test(text))) {
      throw invalidCheck(`${JSON.stringify(path)} is not an HTTP header`, path);
    }
    headers[name] = texts;
  }
  return headers;
}

const portNumber = /^\d{1,5}$/;

function checkHostPort(text: string, path: string): void {
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, colon);
  const port = portNumber.test(text.slice(colon + 1)) ? Number(text.slice(colon + 1)) : 0;
  const bracketed = host.startsWith('[') && host.endsWith(']');
  const hostIsGood = bracketed ? isIPv6(host.slice(1, -1)) : isHostName(host);
  if (colon === -1 || !hostIsGood || port < 1 || port > 65_535) {
    throw invalidCheck(
      `${path} must be host:port with a port from 1 to 65535, not ${JSON.stringify(text)}`,
      path,
    );
  }
}

function invalidCheck(why: string, path?: string): Fault {
  return new Fault('invalid', `Invalid check: ${why}`, path === undefined ? {} : { path });
}

/** The three words that Consul's API has for a status; undefined for any other. */
export function healthOf(word: string): Health | undefined {
  return word === 'passing' || word === 'warning' || word === 'critical' ? word : undefined;
}
