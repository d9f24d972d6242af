import { Fault } from '@portolan/core/base/fault.ts';
import type { Bind } from '../../contract.ts';
import { parseAddress } from './address.ts';
import { limits } from './limits.ts';
import { isName } from './writer.ts';

/** The `dns` section. Names and defaults are Consul's where it has them. */
export interface DnsConfig {
  readonly listen: Bind;
  /** The zone answered for; a dot at its end makes no difference. Default `consul`. */
  readonly domain: string;
  /** A second zone with the same content, '' = none. Reverse answers always name the first. */
  readonly altDomain: string;
  /** The zone of Kubernetes' names, `<service>.<namespace>.svc.<domain>`; '' = none. Default `cluster.local`. */
  readonly clusterDomain: string;
  /** True: instances in warning are left out too. Default false. Those in critical always are. */
  readonly onlyPassing: boolean;
  /** TTL of node answers. Default 0: not kept by anyone. */
  readonly nodeTtlSeconds: number;
  /**
   * TTL of service answers by service name, whatever its case. `db-*` stands for every name that starts so, `*` for all; the
   * longest match wins. Default none: 0.
   */
  readonly serviceTtlSeconds: ReadonlyMap<string, number>;
  /** How long a resolver may remember that a name does not exist (SOA minimum, RFC 2308). Default 0. */
  readonly negativeTtlSeconds: number;
  /** At most so many A or AAAA records in an answer; 0 = as many as fit. Default 0. SRV answers are never cut so. */
  readonly addressLimit: number;
  /** At most so many records in an answer by UDP to a client without EDNS, without TC; 0 = as many as fit, and TC. Default 0. */
  readonly plainUdpAnswerLimit: number;
  /** Adds the metadata of nodes to answers about nodes that did not ask for TXT. Default false (Consul: true): it makes answers grow. */
  readonly nodeMetadataAdditional: boolean;
  /** While the store is away, answers go on for so long, then SERVFAIL. Default: no end. */
  readonly maxStaleMs: number;
  /** UDP responses a second to one client network (/24, /56) and question, then every second one is truncated, the others dropped; 0 = no limit. */
  readonly responsesPerSecond: number;
  /** Servers that get the queries outside our zones, in rotation. Default none: REFUSED. */
  readonly forwarders: readonly Bind[];
  /** How long one forwarder may take. Default 2,000. */
  readonly forwardTimeoutMs: number;
  /** Whose queries are forwarded: CIDR networks. Default loopback only, so that no open resolver is made by accident. */
  readonly forwardFor: readonly string[];
}

const defaults: DnsConfig = {
  listen: { address: '127.0.0.1', port: 8600 },
  domain: 'consul',
  altDomain: '',
  clusterDomain: 'cluster.local',
  onlyPassing: false,
  nodeTtlSeconds: 0,
  serviceTtlSeconds: new Map(),
  negativeTtlSeconds: 0,
  addressLimit: 0,
  plainUdpAnswerLimit: 0,
  nodeMetadataAdditional: false,
  maxStaleMs: Number.POSITIVE_INFINITY,
  responsesPerSecond: 0,
  forwarders: [],
  forwardTimeoutMs: 2_000,
  forwardFor: ['127.0.0.0/8', '::1/128'],
};

/** A year: nothing here changes so rarely. */
const maxTtlSeconds = 31_536_000;

/** `settings` with the defaults for what they leave out. An `invalid` fault names the field and the fix. */
export function dnsConfig(settings: Partial<DnsConfig> = {}): DnsConfig {
  const config: DnsConfig = { ...defaults, ...settings };
  checkDomain('domain', config.domain);
  if (config.altDomain !== '') checkDomain('altDomain', config.altDomain);
  if (config.clusterDomain !== '') checkDomain('clusterDomain', config.clusterDomain);
  checkNumber('nodeTtlSeconds', config.nodeTtlSeconds, maxTtlSeconds);
  checkNumber('negativeTtlSeconds', config.negativeTtlSeconds, maxTtlSeconds);
  for (const [name, ttl] of config.serviceTtlSeconds)
    checkNumber(`serviceTtlSeconds.${name}`, ttl, maxTtlSeconds);
  checkNumber('addressLimit', config.addressLimit, limits.maxAnswers);
  checkNumber('plainUdpAnswerLimit', config.plainUdpAnswerLimit, limits.maxAnswers);
  checkNumber('responsesPerSecond', config.responsesPerSecond, 1_000_000);
  checkNumber('forwardTimeoutMs', config.forwardTimeoutMs, 60_000);
  if (config.forwarders.length > limits.maxForwarders) {
    throw new Fault('invalid', `forwarders: at most ${limits.maxForwarders}`, { path: 'forwarders' });
  }
  for (const [index, forwarder] of config.forwarders.entries()) {
    if (parseAddress(forwarder.address) !== undefined) continue;
    const path = `forwarders[${index}]`;
    throw new Fault('invalid', `${path}: "${forwarder.address}" must be an IP address`, { path });
  }
  for (const [index, network] of config.forwardFor.entries()) {
    if (parseNetwork(network) !== undefined) continue;
    const path = `forwardFor[${index}]`;
    throw new Fault('invalid', `${path}: "${network}" must be a network such as 10.0.0.0/8`, { path });
  }
  return config;
}

/** The labels of a domain, in lower case. */
export function domainLabels(domain: string): string[] {
  return domain.replace(/\.$/, '').toLowerCase().split('.');
}

/** A CIDR network, or undefined. */
export function parseNetwork(
  text: string,
): { address: string; bits: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [address = '', bits = '', ...rest] = text.split('/');
  const bytes = parseAddress(address);
  if (bytes === undefined || rest.length > 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > bytes.length * 8) {
    return undefined;
  }
  return { address, bits: Number(bits), family: bytes.length === 4 ? 'ipv4' : 'ipv6' };
}

function checkDomain(path: string, domain: string): void {
  const labels = domainLabels(domain);
  if (isName(labels) && labels.every((label) => /^[a-z0-9_-]+$/.test(label))) return;
  throw new Fault('invalid', `${path}: "${domain}" must be a domain name such as consul`, { path });
}

function checkNumber(path: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= max) return;
  throw new Fault('invalid', `${path}: must be a whole number from 0 to ${max}`, { path });
}
