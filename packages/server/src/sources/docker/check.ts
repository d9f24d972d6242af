import { parseDurationMs } from '@portolan/core/base/duration.ts';
import type { CheckDefinition, CheckRecord, Health, Probe } from '@portolan/core/catalog/records.ts';
import { bracketed } from './config.ts';

/** A check as a container asks for it. */
export interface CheckOfContainer {
  readonly definition: CheckDefinition;
  readonly status: Health;
}

export interface CheckRead {
  /** Undefined: it asks for none that can be run. */
  readonly check: CheckOfContainer | undefined;
  readonly problems: readonly string[];
}

export interface CheckTarget {
  readonly address: string;
  readonly port: number;
}

/** Consul raises shorter ones to these without a word. */
const minIntervalMs = 1_000;
const minDeregisterMs = 60_000;
const defaultIntervalMs = 10_000;
const defaultTimeoutMs = 10_000;

/** In Registrator's order: the first that is set is the check. */
const kinds = [
  'check_http',
  'check_https',
  'check_cmd',
  'check_script',
  'check_ttl',
  'check_tcp',
  'check_grpc',
] as const;

/** The check that `SERVICE_CHECK_…` asks for, of the service at `target`. */
export function readCheck(metadata: ReadonlyMap<string, string>, target: CheckTarget): CheckRead {
  const problems: string[] = [];
  const kind = kinds.find((name) => (metadata.get(name) ?? '') !== '');
  if (kind === undefined) return { check: undefined, problems };
  if (kind === 'check_cmd' || kind === 'check_script') {
    const why = 'commands from a container are never run; use CHECK_HTTP, CHECK_TCP, CHECK_GRPC or CHECK_TTL';
    return { check: undefined, problems: [`${settingName(kind)} is refused: ${why}`] };
  }
  const durationOf = (name: string, defaultMs: number): number => {
    const text = metadata.get(name) ?? '';
    const ms = text === '' ? defaultMs : parseDurationMs(text);
    if (ms !== undefined) return ms;
    problems.push(`${settingName(name)} must be a duration such as 10s or 1m30s, not ${quoted(text)}`);
    return defaultMs;
  };
  const probe = kind === 'check_ttl' ? ttlProbe(durationOf) : askingProbe(kind, metadata, target);
  if (probe === undefined) {
    if (problems.length === 0)
      problems.push(`${settingName(kind)} ${quoted(metadata.get(kind) ?? '')} cannot be asked`);
    return { check: undefined, problems };
  }
  const asks = probe.type !== 'ttl';
  const deregisterMs = durationOf('check_deregister_after', 0);
  const definition: CheckDefinition = {
    probe,
    intervalMs: asks ? Math.max(minIntervalMs, durationOf('check_interval', defaultIntervalMs)) : 0,
    timeoutMs: asks ? durationOf('check_timeout', defaultTimeoutMs) : 0,
    successBeforePassing: 0,
    failuresBeforeWarning: 0,
    failuresBeforeCritical: 0,
    deregisterAfterMs: deregisterMs > 0 ? Math.max(minDeregisterMs, deregisterMs) : 0,
  };
  return { check: { definition, status: initialStatus(metadata, problems) }, problems };
}

function ttlProbe(durationOf: (name: string, defaultMs: number) => number): Probe | undefined {
  const ttlMs = durationOf('check_ttl', 0);
  return ttlMs > 0 ? { type: 'ttl', ttlMs } : undefined;
}

function askingProbe(
  kind: 'check_http' | 'check_https' | 'check_tcp' | 'check_grpc',
  metadata: ReadonlyMap<string, string>,
  { address, port }: CheckTarget,
): Probe | undefined {
  const hostPort = `${bracketed(address)}:${port}`;
  const tlsSkipVerify = (metadata.get('check_tls_skip_verify') ?? '') !== '';
  switch (kind) {
    case 'check_tcp':
      return { type: 'tcp', address: hostPort, tls: false };
    case 'check_grpc': {
      const tls = (metadata.get('check_grpc_use_tls') ?? '') !== '';
      return { type: 'grpc', target: hostPort, tls, tlsSkipVerify: tls && tlsSkipVerify };
    }
    default: {
      const scheme = kind === 'check_http' ? 'http' : 'https';
      const method = metadata.get(`${kind}_method`) || 'GET';
      const url = urlOf(`${scheme}://${hostPort}`, metadata.get(kind) ?? '');
      if (url === undefined || !/^[!#$%&'*+.^_`|~\w-]{1,32}$/.test(method)) return undefined;
      const skip = scheme === 'https' && tlsSkipVerify;
      const plain = { headers: {}, body: '', tlsServerName: '' };
      return { type: 'http', url, method, ...plain, tlsSkipVerify: skip };
    }
  }
}

/** A path cannot lead to another host, whatever it holds: an author may ask for checks of his own container only. */
function urlOf(origin: string, path: string): string | undefined {
  const text = `${origin}${path.startsWith('/') ? '' : '/'}${path}`;
  return URL.canParse(text) ? new URL(text).href : undefined;
}

function initialStatus(metadata: ReadonlyMap<string, string>, problems: string[]): Health {
  const text = metadata.get('check_initial_status') ?? '';
  if (text === 'passing' || text === 'warning' || text === 'critical') return text;
  if (text !== '') {
    problems.push(
      `${settingName('check_initial_status')} must be passing, warning or critical, not ${quoted(text)}`,
    );
  }
  return 'critical';
}

/** The check of an instance that was kept though its container died: somebody looks at why. */
export function exitedCheck(
  instance: NonNullable<CheckRecord['instance']>,
  place: Pick<CheckRecord, 'node' | 'origin'>,
  exitCode: number,
): CheckRecord {
  return {
    kind: 'check',
    node: place.node,
    id: `docker:${instance.id}`,
    name: 'Container state',
    status: 'critical',
    output: `the container ended with exit code ${exitCode}`,
    notes: '',
    instance,
    origin: place.origin,
  };
}

function settingName(key: string): string {
  return `SERVICE_${key.toUpperCase()}`;
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
