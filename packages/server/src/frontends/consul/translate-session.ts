import { Fault } from '@portolan/core/base/fault.ts';
import type { Json } from '@portolan/core/base/json.ts';
import type { Entry, LeaseRecord, Origin } from '@portolan/core/catalog/records.ts';
import type { Fields } from './fields.ts';
import { parseGoDuration } from './go-duration.ts';
import type { WireObject } from './translate-answer.ts';

/**
 * A Consul session: a lease that holds locks. It ends when it is destroyed, when its TTL runs out, and when a check or the node that
 * it is bound to fails. Source: https://developer.hashicorp.com/consul/api-docs/session
 */
export interface Session {
  readonly name: string;
  readonly node: string;
  /** How long a key that it lost cannot be locked by another. */
  readonly lockDelayMs: number;
  /** What happens to its keys when it ends. */
  readonly behavior: 'release' | 'delete';
  /** 0: it does not run out. */
  readonly ttlMs: number;
  readonly nodeChecks: readonly string[];
  readonly serviceChecks: readonly string[];
}

const defaultLockDelayMs = 15_000;
const maxLockDelayMs = 60_000;
const minTtlMs = 10_000;
const maxTtlMs = 86_400_000;
/** A number below this is meant as seconds, above as nanoseconds, as Consul takes it. */
const secondsBelow = 1_000;
const maxBoundChecks = 64;
/** A lease has a TTL; one of a session without is never counted down. */
const unboundedTtlMs = 366 * maxTtlMs;

/** Reads the body of `session/create`. Throws `invalid` with Consul's texts. */
export function readSession(fields: Fields, ownNode: string): Session {
  const behavior = fields.string('Behavior') || 'release';
  if (behavior !== 'release' && behavior !== 'delete') {
    throw new Fault('invalid', `Invalid Behavior setting '${behavior}'`, { path: 'Behavior' });
  }
  const nodeChecks = fields.has('NodeChecks')
    ? fields.strings('NodeChecks')
    : fields.has('Checks')
      ? fields.strings('Checks')
      : ['serfHealth'];
  const serviceChecks = fields.objects('ServiceChecks').map((check) => check.string('ID'));
  if (nodeChecks.length + serviceChecks.length > maxBoundChecks) {
    throw new Fault('too-large', `A session can be bound to at most ${maxBoundChecks} checks`, {
      path: 'NodeChecks',
    });
  }
  return {
    name: fields.string('Name'),
    node: fields.string('Node') || ownNode,
    lockDelayMs: readLockDelay(fields.json('LockDelay')),
    behavior,
    ttlMs: readTtl(fields.string('TTL')),
    nodeChecks,
    serviceChecks,
  };
}

function readLockDelay(value: Json | undefined): number {
  if (value === undefined) return defaultLockDelayMs;
  const ms =
    typeof value === 'number'
      ? value < secondsBelow
        ? value * 1000
        : value / 1e6
      : typeof value === 'string'
        ? parseGoDuration(value)
        : undefined;
  if (ms === undefined || ms < 0) {
    throw new Fault(
      'invalid',
      `Request decode failed: invalid LockDelay ${JSON.stringify(value)} (write it as "15s")`,
      {
        path: 'LockDelay',
      },
    );
  }
  return Math.min(ms, maxLockDelayMs);
}

function readTtl(text: string): number {
  if (text === '') return 0;
  const ms = parseGoDuration(text);
  if (ms === undefined)
    throw new Fault('invalid', `Invalid Session TTL '${text}': write it as "30s"`, { path: 'TTL' });
  if (ms !== 0 && (ms < minTtlMs || ms > maxTtlMs)) {
    throw new Fault('invalid', `Invalid Session TTL '${text}', must be between [10s=24h0m0s]`, {
      path: 'TTL',
    });
  }
  return ms;
}

/** Whether a lease is a session of this dialect. */
export function isSession(lease: LeaseRecord): boolean {
  return lease.origin.dialect === 'consul' && lease.extra?.['consul.session'] !== undefined;
}

export function sessionLease(id: string, session: Session, owner: string): LeaseRecord {
  const origin: Origin = { dialect: 'consul', source: 'session', node: owner };
  const ttlMs = session.ttlMs === 0 ? unboundedTtlMs : session.ttlMs;
  return {
    kind: 'lease',
    id,
    ttlMs,
    owner,
    origin,
    extra: { 'consul.session': { ...session } },
  };
}

/** The session that a lease keeps. Call it only where `isSession` holds. */
export function sessionOf(lease: LeaseRecord): Session {
  return lease.extra?.['consul.session'] as unknown as Session;
}

export function wireSession(entry: Entry<LeaseRecord>): WireObject {
  const session = sessionOf(entry.record);
  return {
    ID: entry.record.id,
    Name: session.name,
    Node: session.node,
    LockDelay: session.lockDelayMs * 1e6,
    Behavior: session.behavior,
    TTL: session.ttlMs === 0 ? '' : `${session.ttlMs / 1000}s`,
    NodeChecks: session.nodeChecks,
    ServiceChecks:
      session.serviceChecks.length === 0 ? null : session.serviceChecks.map((ID) => ({ ID, Namespace: '' })),
    CreateIndex: entry.createRevision,
    ModifyIndex: entry.modifyRevision,
  };
}
