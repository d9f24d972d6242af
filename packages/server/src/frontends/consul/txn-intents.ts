import { Fault } from '@portolan/core/base/fault.ts';
import type { Draft } from '@portolan/core/catalog/draft.ts';
import { type Entry, type KvRecord, keyOf } from '@portolan/core/catalog/records.ts';
import { deregisterFromCatalog, putCatalogCheck, putCatalogInstance, putNode } from './catalog-intents.ts';
import { acquireLock, destroySession, releaseLock } from './session-intents.ts';
import { type WireObject, wireCheck, wireNode, wireNodeService } from './translate-answer.ts';
import { wireKv } from './translate-kv.ts';
import type { TransactionError, TransactionOp } from './translate-txn.ts';

/** What an operation must know beyond the catalog. */
export interface TransactionSurroundings {
  /** Whether a key is under a lock delay. */
  isDelayed(key: string): boolean;
}

/**
 * Runs a transaction: each operation sees what those before it did. Throws when any of them fails, after all were tried, so that
 * nothing is written; `transactionErrors` finds them in what was thrown. Gives the results in order.
 */
export function runTransaction(
  draft: Draft,
  ops: readonly TransactionOp[],
  surroundings: TransactionSurroundings,
): readonly WireObject[] {
  const results: WireObject[] = [];
  const errors: TransactionError[] = [];
  for (const [OpIndex, op] of ops.entries()) {
    try {
      results.push(...runOp(draft, op, surroundings));
    } catch (thrown) {
      const fault = Fault.from(thrown);
      if (fault.code === 'internal') throw fault;
      errors.push({ OpIndex, What: fault.message });
    }
  }
  if (errors.length > 0) throw new Fault('conflict', 'The transaction was rolled back', { cause: errors });
  return results;
}

/** Why a transaction was rolled back; undefined: it failed by something else. */
export function transactionErrors(thrown: unknown): readonly TransactionError[] | undefined {
  return thrown instanceof Fault && thrown.code === 'conflict' && Array.isArray(thrown.cause)
    ? thrown.cause
    : undefined;
}

function runOp(draft: Draft, op: TransactionOp, surroundings: TransactionSurroundings): WireObject[] {
  switch (op.on) {
    case 'KV':
      return runKv(draft, op, surroundings).map((KV) => ({ KV }));
    case 'Node':
      return runNode(draft, op);
    case 'Service':
      return runService(draft, op);
    case 'Check':
      return runCheck(draft, op);
    case 'Session':
      if (op.verb !== 'delete') throw unknownVerb('Session', op.verb);
      destroySession(draft, op.id);
      return [];
  }
}

type Op<On extends TransactionOp['on']> = TransactionOp & { readonly on: On };

function runKv(draft: Draft, op: Op<'KV'>, surroundings: TransactionSurroundings): WireObject[] {
  const { key, index, session } = op;
  if (key === '' && !op.verb.endsWith('-tree')) throw refused('Missing key name');
  const entry = draft.kv(key);
  const name = JSON.stringify(key);
  // What was looked at must still be so when this is committed. What this batch itself writes is not there before.
  if (entry !== undefined && entry.modifyRevision <= draft.revision) {
    draft.expect(keyOf.kv(key), entry.modifyRevision);
  }
  switch (op.verb) {
    case 'get':
      if (entry === undefined) throw refused(`key ${name} doesn't exist`);
      return [wireKv(entry)];
    case 'get-or-empty':
      return [entry === undefined ? { ...absent, Key: key } : wireKv(entry)];
    case 'get-tree':
      return [...draft.kvPrefix(key)].map(wireKv);
    case 'check-index':
      if (entry === undefined) throw refused(`failed to check index, key ${name} doesn't exist`);
      if (entry.modifyRevision !== index) {
        throw refused(
          `failed index check for key ${name}, current modify index ${entry.modifyRevision} != ${index}`,
        );
      }
      return [withoutValue(entry)];
    case 'check-session':
      if (entry === undefined) throw refused(`failed to check session, key ${name} doesn't exist`);
      if ((entry.record.session ?? '') !== session) {
        const [current, wanted] = [JSON.stringify(entry.record.session ?? ''), JSON.stringify(session)];
        throw refused(`failed session check for key ${name}, current session ${current} != ${wanted}`);
      }
      return [withoutValue(entry)];
    case 'check-not-exists':
      if (entry !== undefined) throw refused(`key ${name} exists`);
      return [];
    case 'set':
      setKey(draft, op);
      return written(draft, key);
    case 'cas':
      if (!isAt(entry, index)) throw refused(`failed to set key ${name}, index is stale`);
      setKey(draft, op);
      return written(draft, key);
    case 'lock':
      if (surroundings.isDelayed(key)) throw refused(`failed to lock key ${name} due to lock delay`);
      if (!acquireLock(draft, newRecord(op), session, false)) {
        throw refused(`failed to lock key ${name}, lock is already held`);
      }
      return written(draft, key);
    case 'unlock':
      if (!releaseLock(draft, newRecord(op), session)) {
        throw refused(`failed to unlock key ${name}, lock isn't held, or is held by another session`);
      }
      return written(draft, key);
    case 'delete':
      draft.delete(keyOf.kv(key));
      return [];
    case 'delete-cas':
      // As in Consul: what is gone already is as good as deleted.
      if (entry !== undefined && !isAt(entry, index)) {
        throw refused(`failed to delete key ${name}, index is stale`);
      }
      draft.delete(keyOf.kv(key));
      return [];
    case 'delete-tree':
      for (const { record } of [...draft.kvPrefix(key)]) draft.delete(keyOf.kv(record.key));
      return [];
    default:
      throw unknownVerb('KV', op.verb);
  }
}

const absent = { LockIndex: 0, Key: '', Flags: 0, Value: null, CreateIndex: 0, ModifyIndex: 0 };

function newRecord(op: Op<'KV'>): KvRecord {
  return { kind: 'kv', key: op.key, value: op.value, flags: op.flags, lockIndex: 0 };
}

/** A write by whoever: a lock on the key stays. */
function setKey(draft: Draft, op: Op<'KV'>): void {
  const before = draft.kv(op.key)?.record;
  const lock = before?.session === undefined ? {} : { session: before.session };
  draft.put({ ...newRecord(op), lockIndex: before?.lockIndex ?? 0, ...lock });
}

function written(draft: Draft, key: string): WireObject[] {
  const entry = draft.kv(key);
  return entry === undefined ? [] : [withoutValue(entry)];
}

/** Who wrote a value knows it: Consul does not say it again. */
function withoutValue(entry: Entry<KvRecord>): WireObject {
  return { ...wireKv(entry), Value: null };
}

function runNode(draft: Draft, op: Op<'Node'>): WireObject[] {
  const { name } = op.node;
  const quoted = JSON.stringify(name);
  const entry = draft.node(name);
  const shown = (): WireObject[] => {
    const now = draft.node(name);
    return now === undefined ? [] : [{ Node: wireNode(name, now) }];
  };
  switch (op.verb) {
    case 'get':
      if (entry === undefined) throw refused(`node ${quoted} doesn't exist`);
      return shown();
    case 'cas':
      if (!isAt(entry, op.index)) throw refused(`failed to set node ${quoted}, index is stale`);
      putNode(draft, { node: op.node, skipNodeUpdate: false });
      return shown();
    case 'set':
      putNode(draft, { node: op.node, skipNodeUpdate: false });
      return shown();
    case 'delete-cas':
      if (!isAt(entry, op.index)) throw refused(`failed to delete node ${quoted}, index is stale`);
      deregisterFromCatalog(draft, { node: name, serviceId: '', checkId: '' });
      return [];
    case 'delete':
      deregisterFromCatalog(draft, { node: name, serviceId: '', checkId: '' });
      return [];
    default:
      throw unknownVerb('Node', op.verb);
  }
}

function runService(draft: Draft, op: Op<'Service'>): WireObject[] {
  const { node, id, instance } = op;
  const what = `service ${JSON.stringify(id)} on node ${JSON.stringify(node)}`;
  const entry = draft.instanceOnNode(node, id);
  const shown = (): WireObject[] => {
    const now = draft.instanceOnNode(node, id);
    return now === undefined ? [] : [{ Service: wireNodeService(now) }];
  };
  const put = (): WireObject[] => {
    if (draft.node(node) === undefined) throw refused('Missing node registration');
    if (instance !== undefined) putCatalogInstance(draft, instance);
    return shown();
  };
  switch (op.verb) {
    case 'get':
      if (entry === undefined) throw refused(`${what} doesn't exist`);
      return shown();
    case 'cas':
      if (!isAt(entry, op.index)) throw refused(`failed to set ${what}, index is stale`);
      return put();
    case 'set':
      return put();
    case 'delete-cas':
      if (!isAt(entry, op.index)) throw refused(`failed to delete ${what}, index is stale`);
      deregisterFromCatalog(draft, { node, serviceId: id, checkId: '' });
      return [];
    case 'delete':
      deregisterFromCatalog(draft, { node, serviceId: id, checkId: '' });
      return [];
    default:
      throw unknownVerb('Service', op.verb);
  }
}

function runCheck(draft: Draft, op: Op<'Check'>): WireObject[] {
  const { node, id } = op.check.record;
  const what = `check ${JSON.stringify(id)} on node ${JSON.stringify(node)}`;
  const entry = draft.check(node, id);
  const shown = (): WireObject[] => {
    const now = draft.check(node, id);
    if (now === undefined) return [];
    const instance = draft.instanceOnNode(node, now.record.instance?.id ?? '')?.record;
    return [{ Check: wireCheck(now, instance) }];
  };
  const put = (): WireObject[] => {
    if (draft.node(node) === undefined) throw refused('Missing node registration');
    putCatalogCheck(draft, op.check);
    return shown();
  };
  switch (op.verb) {
    case 'get':
      if (entry === undefined) throw refused(`${what} doesn't exist`);
      return shown();
    case 'cas':
      if (!isAt(entry, op.index)) throw refused(`failed to set ${what}, index is stale`);
      return put();
    case 'set':
      return put();
    case 'delete-cas':
      if (!isAt(entry, op.index)) throw refused(`failed to delete ${what}, index is stale`);
      deregisterFromCatalog(draft, { node, serviceId: '', checkId: id });
      return [];
    case 'delete':
      deregisterFromCatalog(draft, { node, serviceId: '', checkId: id });
      return [];
    default:
      throw unknownVerb('Check', op.verb);
  }
}

/** Whether it last changed at `index`; 0: it must not exist. */
function isAt(entry: Entry | undefined, index: number): boolean {
  return (entry?.modifyRevision ?? 0) === index;
}

function unknownVerb(on: string, verb: string): Fault {
  return refused(`unknown ${on} verb ${JSON.stringify(verb)}`);
}

function refused(what: string): Fault {
  return new Fault('conflict', what);
}
