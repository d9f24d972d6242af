import type { Clock } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import type { CatalogDelta } from '@portolan/core/catalog/reader.ts';
import type { Logger } from 'pino';
import type { Engine, Identity, View } from '../../contract.ts';
import { boundChecks, createSession, destroySession, hasLostItsGround } from './session-intents.ts';
import { isSession, type Session, sessionOf } from './translate-session.ts';

/** Sessions as they live: TTLs, what they are bound to, and the delays on keys that they lost. */
export interface SessionKeeper {
  create(id: string, session: Session): Promise<void>;
  /** Resolves when it has ended; one that does not exist has. */
  destroy(id: string): Promise<void>;
  /** A fresh deadline. False: there is no such session. */
  renew(id: string): boolean;
  /** Whether a key may not be locked yet because a session that held it ended against its will. */
  isDelayed(key: string): boolean;
  /** The session was ended by somebody else, as an operation of a transaction: its TTL runs no more. */
  forget(id: string): void;
  /** Fresh deadlines for every session that is this server's. */
  countAnew(): void;
  start(): void;
  stop(): void;
}

/** Consul lets a session live twice its TTL: clients that renew at the very end of it are used to that. */
const ttlFactor = 2;
/** An end that could not be written is tried again after this. */
const retryMs = 1_000;

export function sessionKeeper(context: {
  engine: Engine;
  identity: Identity;
  clock: Clock;
  log: Logger;
}): SessionKeeper {
  const { engine, identity, clock, log } = context;
  /** By key: until when, monotonic. Only sessions that ended against their will leave one. */
  const delays = new Map<string, number>();
  let unsubscribe = (): void => {};
  let stopped = false;

  const leaseId = (id: string): string => `consul-session/${id}`;

  function watchTtl(id: string, ttlMs: number): void {
    if (ttlMs > 0) engine.leases.grant(leaseId(id), ttlMs * ttlFactor, () => void end(id, () => true));
  }

  /** Ends a session that lost its right to live, if it still has when the intent is decided. */
  async function end(
    id: string,
    mustEnd: (draft: Parameters<typeof hasLostItsGround>[0]) => boolean,
  ): Promise<void> {
    const lease = engine.view.catalog.lease(id)?.record;
    if (stopped || lease === undefined || !isSession(lease)) return;
    const { lockDelayMs, ttlMs } = sessionOf(lease);
    try {
      const keys = await engine.submit((draft) => (mustEnd(draft) ? destroySession(draft, id) : undefined));
      if (keys === undefined) return;
      engine.leases.revoke(leaseId(id));
      delay(keys, lockDelayMs);
      log.info({ session: id, keys: keys.length }, 'session ended');
    } catch (thrown) {
      log.warn({ session: id, err: Fault.from(thrown).message }, 'session cannot be ended yet');
      clock.after(retryMs, () => void end(id, mustEnd));
      if (ttlMs > 0) engine.leases.revoke(leaseId(id));
    }
  }

  function delay(keys: readonly string[], lockDelayMs: number): void {
    if (lockDelayMs <= 0) return;
    const until = clock.monotonicMs() + lockDelayMs;
    for (const key of keys) delays.set(key, until);
    clock.after(lockDelayMs, () => {
      for (const key of keys) if (delays.get(key) === until) delays.delete(key);
    });
  }

  /** Sessions whose node or checks this change touched. */
  function onChange(delta: CatalogDelta, view: View): void {
    if (delta.checks.length === 0 && !delta.nodeList) return;
    for (const { record } of view.catalog.leases()) {
      if (record.owner !== identity.node || !isSession(record)) continue;
      const session = sessionOf(record);
      const bound = new Set(boundChecks(session));
      const touched =
        (delta.nodeList && delta.nodes.has(session.node)) ||
        delta.checks.some(
          ({ node, id, after }) =>
            node === session.node && bound.has(id) && after?.record.status !== 'passing',
        );
      if (touched) void end(record.id, (draft) => hasLostItsGround(draft, record.id));
    }
  }

  function countAnew(): void {
    for (const { record } of engine.view.catalog.leases()) {
      if (record.owner === identity.node && isSession(record)) watchTtl(record.id, sessionOf(record).ttlMs);
    }
  }

  return {
    async create(id, session) {
      await engine.submit((draft) => createSession(draft, id, session, identity.node));
      watchTtl(id, session.ttlMs);
    },
    async destroy(id) {
      await engine.submit((draft) => destroySession(draft, id));
      engine.leases.revoke(leaseId(id));
    },
    renew(id) {
      const lease = engine.view.catalog.lease(id)?.record;
      if (lease === undefined || !isSession(lease)) return false;
      engine.leases.renew(leaseId(id));
      return true;
    },
    forget(id) {
      engine.leases.revoke(leaseId(id));
    },
    isDelayed(key) {
      const until = delays.get(key);
      return until !== undefined && until > clock.monotonicMs();
    },
    countAnew,
    start() {
      // Nobody loses a lock because this server was restarted.
      countAnew();
      unsubscribe = engine.subscribe((delta, _, view) => onChange(delta, view));
    },
    stop() {
      stopped = true;
      unsubscribe();
    },
  };
}
