import { Fault } from '@portolan/core/base/fault.ts';
import type { Draft } from '@portolan/core/catalog/draft.ts';
import {
  type AdminState,
  type CheckRecord,
  type Entry,
  type InstanceRecord,
  keyOf,
  type NodeRecord,
  type Origin,
  recordKey,
} from '@portolan/core/catalog/records.ts';
import { instanceOf, maxChecks, type ServiceRegistration } from './translate-service.ts';

/**
 * What the agent's writes do to the catalog. Each is an intent: synchronous, repeatable, all or nothing.
 */

/** Registers or re-registers a service: its instance, its checks, and its node if that has gone. */
export function registerService(
  draft: Draft,
  node: NodeRecord,
  registration: ServiceRegistration,
  options: { replaceChecks: boolean },
): void {
  const { instance, checks } = registration;
  const before = draft.instanceOnNode(instance.node, instance.id);
  if (before !== undefined) refuseForeign(before.record.origin, `service ID "${instance.id}"`);
  if (draft.node(node.name) === undefined) draft.put(node);
  if (before !== undefined && before.record.service !== instance.service)
    draft.delete(recordKey(before.record));
  const keptAdmin = options.replaceChecks ? undefined : before?.record;
  draft.put(
    keptAdmin === undefined ? instance : withAdmin(instance, keptAdmin.adminState, keptAdmin.adminReason),
  );
  if (before !== undefined) settleOldChecks(draft, before.record, registration, options.replaceChecks);
  for (const check of checks) putCheck(draft, check);
  if (checks.length > 0) refuseTooManyChecks(draft, instance);
}

/** Checks that the new registration does not name stay with the service, or go if it replaces them. */
function settleOldChecks(
  draft: Draft,
  before: InstanceRecord,
  registration: ServiceRegistration,
  replace: boolean,
): void {
  const named = new Set(registration.checks.map((check) => check.id));
  const others = [...draft.checksOfInstance(before)].filter((entry) => !named.has(entry.record.id));
  for (const { record } of others) {
    if (replace) draft.delete(recordKey(record));
    else draft.put({ ...record, instance: instanceOf(registration.instance) });
  }
}

/** A check that is there already keeps its status: registering anew is no news about health. */
export function putCheck(draft: Draft, check: CheckRecord): void {
  const before = draft.check(check.node, check.id)?.record;
  if (before !== undefined) refuseForeign(before.origin, `check ID "${check.id}"`);
  draft.put(before === undefined ? check : { ...check, status: before.status, output: before.output });
}

/** Registering must not make this server probe without end: each check may ask for a probe a second. */
const maxNodeChecks = 256;

/** After checks were put. `instance` undefined: those of the node itself. */
export function refuseTooManyChecks(draft: Draft, instance: InstanceRecord | undefined, node = ''): void {
  const found = instance === undefined ? draft.nodeChecks(node) : draft.checksOfInstance(instance);
  const max = instance === undefined ? maxNodeChecks : maxChecks;
  let count = 0;
  for (const _ of found) count += 1;
  if (count <= max) return;
  const whose = instance === undefined ? `node "${node}"` : `service ID "${instance.id}"`;
  throw new Fault('invalid', `Invalid check: ${whose} would have more than ${max} checks`);
}

/** Consul's text for a service that the agent does not have. */
export function unknownService(id: string): Fault {
  return new Fault(
    'not-found',
    `Unknown service ID "${id}". Ensure that the service ID is passed, not the service name.`,
  );
}

export function unknownCheck(id: string): Fault {
  return new Fault(
    'not-found',
    `Unknown check ID "${id}". Ensure that the check ID is passed, not the check name.`,
  );
}

export function deregisterService(draft: Draft, node: string, id: string): void {
  const { record } = ownService(draft, node, id);
  for (const check of [...draft.checksOfInstance(record)]) draft.delete(recordKey(check.record));
  draft.delete(recordKey(record));
}

export function deregisterCheck(draft: Draft, node: string, id: string): void {
  const check = draft.check(node, id);
  if (check === undefined) throw unknownCheck(id);
  refuseForeign(check.record.origin, `check ID "${id}"`);
  draft.delete(keyOf.check(node, id));
}

export function setServiceMaintenance(
  draft: Draft,
  node: string,
  id: string,
  reason: string | undefined,
): void {
  const { record } = ownService(draft, node, id);
  draft.put(withAdmin(record, reason === undefined ? 'in-service' : 'out-of-service', reason ?? ''));
}

export function setNodeMaintenance(draft: Draft, node: NodeRecord, reason: string | undefined): void {
  const record = draft.node(node.name)?.record ?? node;
  draft.put(withAdmin(record, reason === undefined ? 'in-service' : 'out-of-service', reason ?? ''));
}

function ownService(draft: Draft, node: string, id: string): Entry<InstanceRecord> {
  const entry = draft.instanceOnNode(node, id);
  if (entry === undefined) throw unknownService(id);
  refuseForeign(entry.record.origin, `service ID "${id}"`);
  return entry;
}

function withAdmin<R extends InstanceRecord | NodeRecord>(
  record: R,
  adminState: AdminState,
  adminReason: string,
): R {
  return { ...record, adminState, adminReason };
}

/** What another dialect brought, or this server itself, would be brought again: its owner has to change it. */
export function refuseForeign(origin: Origin, what: string): void {
  if (origin.dialect === 'consul' && origin.source !== 'self') return;
  const owner = origin.dialect === 'consul' ? 'this server itself' : `${origin.dialect} (${origin.source})`;
  throw new Fault('denied', `Permission denied: ${what} is kept by ${owner}; change it there.`);
}
