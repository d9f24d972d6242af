import { Fault } from '@portolan/core/base/fault.ts';

/** What an application says about itself. Durations are milliseconds. */
export interface Registration {
  readonly name: string;
  /** Default: name, address and port joined by `-`, so that two copies on one machine do not replace each other. */
  readonly id?: string;
  /** Default: the address of the registry's node. */
  readonly address?: string;
  readonly port?: number;
  readonly tags?: readonly string[];
  readonly metadata?: Readonly<Record<string, string>>;
  readonly checks?: readonly RegistrationCheck[];
}

export type RegistrationCheck = Probe & {
  /** The registry drops the instance after it was critical this long. */
  readonly deregisterAfterMs?: number;
};

type Probe =
  /** 2xx is passing, 429 warning, all else critical. */
  | { readonly http: string; readonly intervalMs?: number; readonly timeoutMs?: number }
  /** `host:port` accepts a connection. */
  | { readonly tcp: string; readonly intervalMs?: number; readonly timeoutMs?: number }
  /** The instance reports by itself at least this often; the client does so while it runs. */
  | { readonly ttlMs: number };

/** Soon enough to notice a dead process, seldom enough that nobody notices the checks. */
const defaultIntervalMs = 10_000;

export function registrationId(registration: Registration): string {
  if (registration.id !== undefined) return registration.id;
  const parts = [registration.name, registration.address, registration.port];
  return parts.filter((part) => part !== undefined && part !== '' && part !== 0).join('-');
}

/** The id of the TTL check of an instance: Consul's default for a single check, and its suffixes for several. */
export function ttlCheckId(registration: Registration): string | undefined {
  const checks = registration.checks ?? [];
  const at = checks.findIndex((check) => 'ttlMs' in check);
  return at === -1 ? undefined : checkId(registrationId(registration), at, checks.length);
}

export function ttlMsOf(registration: Registration): number | undefined {
  return registration.checks?.find((check) => 'ttlMs' in check)?.ttlMs;
}

/** The body of `PUT /v1/agent/service/register`. Throws an `invalid` fault that names the field. */
export function definitionOf(registration: Registration): string {
  const id = registrationId(registration);
  const checks = registration.checks ?? [];
  if (registration.name === '') throw invalid('name', 'give the service a name');
  checkPort(registration.port);
  if (checks.filter((check) => 'ttlMs' in check).length > 1) {
    throw invalid('checks', 'one TTL check says that the instance lives; leave out the others');
  }
  return JSON.stringify({
    ID: id,
    Name: registration.name,
    Address: registration.address,
    Port: registration.port,
    Tags: registration.tags,
    Meta: registration.metadata,
    Checks: checks.map((check, at) => checkBody(check, checkId(id, at, checks.length), `checks[${at}]`)),
  });
}

function checkBody(check: RegistrationCheck, id: string, path: string): object {
  const common = {
    CheckID: id,
    DeregisterCriticalServiceAfter: duration(check.deregisterAfterMs, `${path}.deregisterAfterMs`),
  };
  if ('ttlMs' in check) return { ...common, TTL: duration(check.ttlMs, `${path}.ttlMs`) };
  const timing = {
    ...common,
    Interval: duration(check.intervalMs ?? defaultIntervalMs, `${path}.intervalMs`),
    Timeout: duration(check.timeoutMs, `${path}.timeoutMs`),
  };
  return 'http' in check ? { ...timing, HTTP: check.http } : { ...timing, TCP: check.tcp };
}

function checkId(instanceId: string, at: number, count: number): string {
  return count === 1 ? `service:${instanceId}` : `service:${instanceId}:${at + 1}`;
}

function duration(ms: number | undefined, path: string): string | undefined {
  if (ms === undefined) return undefined;
  if (!Number.isFinite(ms) || ms <= 0) throw invalid(path, `${ms} is not a time; use milliseconds above 0`);
  return `${Math.ceil(ms)}ms`;
}

function checkPort(port: number | undefined): void {
  if (port === undefined) return;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw invalid('port', `${port} is not a port; use 1 to 65535`);
  }
}

function invalid(path: string, message: string): Fault {
  return new Fault('invalid', `${path}: ${message}`, { path });
}
