import { Fault } from '@portolan/core/base/fault.ts';
import type { Draft } from '@portolan/core/catalog/draft.ts';
import { preparedQueryApiVersion, preparedQueryOf } from '@portolan/core/catalog/prepared-query.ts';
import { type KvRecord, keyOf, recordKey } from '@portolan/core/catalog/records.ts';
import { isSession, type Session, sessionLease, sessionOf } from './translate-session.ts';

/** Grants a session. Throws for a node that does not exist, and for a bound check that does not, or is critical. */
export function createSession(draft: Draft, id: string, session: Session, owner: string): void {
  if (draft.node(session.node) === undefined) throw refused(`Missing node registration: ${session.node}`);
  for (const check of boundChecks(session)) {
    const found = draft.check(session.node, check);
    if (found === undefined) throw refused(`Missing check '${check}' registration`);
    if (found.record.status === 'critical') throw refused(`Check '${check}' is in critical state`);
  }
  draft.put(sessionLease(id, session, owner));
}

export function boundChecks(session: Session): readonly string[] {
  return [...session.nodeChecks, ...session.serviceChecks];
}

/**
 * Ends a session: its keys are released or deleted, its prepared queries deleted. Gives those keys, which are under its lock delay from now on. A session that is
 * not there is as good as ended.
 */
export function destroySession(draft: Draft, id: string): readonly string[] {
  const lease = draft.lease(id)?.record;
  if (lease === undefined || !isSession(lease)) return [];
  const { behavior } = sessionOf(lease);
  const held = [...draft.kvPrefix('')].filter(({ record }) => record.session === id);
  for (const { record } of held) {
    if (behavior === 'delete') draft.delete(keyOf.kv(record.key));
    else draft.put(unlocked(record));
  }
  for (const entry of [...draft.rules(preparedQueryApiVersion)]) {
    if (preparedQueryOf(entry)?.session === id) draft.delete(recordKey(entry.record));
  }
  draft.delete(keyOf.lease(id));
  return held.map(({ record }) => record.key);
}

/** Whether a session has lost what it is bound to: its node, or a check that is gone or critical. */
export function hasLostItsGround(draft: Draft, id: string): boolean {
  const lease = draft.lease(id)?.record;
  if (lease === undefined || !isSession(lease)) return false;
  const session = sessionOf(lease);
  if (draft.node(session.node) === undefined) return true;
  return boundChecks(session).some(
    (check) => (draft.check(session.node, check)?.record.status ?? 'critical') === 'critical',
  );
}

/** `?acquire=`: true when `session` holds the key now. `delayed`: the key is under a lock delay. */
export function acquireLock(draft: Draft, write: KvRecord, session: string, delayed: boolean): boolean {
  requireSession(draft, session);
  const before = draft.kv(write.key)?.record;
  const holder = before?.session;
  if (holder === session) {
    draft.put({ ...write, lockIndex: before?.lockIndex ?? 0, session });
    return true;
  }
  if (holder !== undefined || delayed) return false;
  draft.put({ ...write, lockIndex: (before?.lockIndex ?? 0) + 1, session });
  return true;
}

/** `?release=`: true when `session` held the key and now does not. */
export function releaseLock(draft: Draft, write: KvRecord, session: string): boolean {
  requireSession(draft, session);
  const before = draft.kv(write.key)?.record;
  if (before === undefined || before.session !== session) return false;
  draft.put(unlocked({ ...write, lockIndex: before.lockIndex }));
  return true;
}

/** Throws Consul's text for a session that does not exist. */
export function requireSession(draft: Draft, id: string): void {
  const lease = draft.lease(id)?.record;
  if (lease === undefined || !isSession(lease)) {
    throw refused(`invalid session "${id}"`);
  }
}

/** Consul answers these with 500: clients look for the status. `sessionRefusal` finds them again. */
function refused(message: string): Fault {
  return new Fault('conflict', message, { path: refusedPath });
}

const refusedPath = 'session';

/** The text of a refusal that a session caused; undefined: another fault. */
export function sessionRefusal(thrown: unknown): string | undefined {
  return thrown instanceof Fault && thrown.path === refusedPath ? thrown.message : undefined;
}

function unlocked(record: KvRecord): KvRecord {
  const { session: _, ...rest } = record;
  return rest;
}
