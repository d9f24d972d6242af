import { Fault } from '@portolan/core/base/fault.ts';
import type { Draft } from '@portolan/core/catalog/draft.ts';
import { type InstanceRecord, type NodeRecord, recordKey } from '@portolan/core/catalog/records.ts';
import { refuseForeign } from './agent-intents.ts';
import type { CatalogCheck, CatalogDeregistration, CatalogRegistration } from './translate-catalog.ts';
import { instanceOf } from './translate-service.ts';

/** What `catalog/register` does. A node that this server or another dialect keeps stays as it is. */
export function registerInCatalog(draft: Draft, registration: CatalogRegistration): void {
  putNode(draft, registration);
  if (registration.instance !== undefined) putCatalogInstance(draft, registration.instance);
  for (const check of registration.checks) putCatalogCheck(draft, check);
}

/** A node of the catalog; one that this server or another dialect keeps stays as it is. */
export function putNode(
  draft: Draft,
  { node, skipNodeUpdate }: Pick<CatalogRegistration, 'node' | 'skipNodeUpdate'>,
): void {
  const before = draft.node(node.name)?.record;
  if (before === undefined) {
    if (node.address === '') {
      throw new Fault('invalid', 'Must provide address: the node does not exist yet', { path: 'Address' });
    }
    draft.put(node);
  } else if (!skipNodeUpdate && isFromCatalog(before)) {
    draft.put({ ...node, adminState: before.adminState, adminReason: before.adminReason });
  }
}

function isFromCatalog({ origin }: NodeRecord | InstanceRecord): boolean {
  return origin.dialect === 'consul' && origin.source === 'catalog';
}

/** Throws `denied` where somebody else keeps the instance. */
export function putCatalogInstance(draft: Draft, instance: InstanceRecord): void {
  const before = draft.instanceOnNode(instance.node, instance.id)?.record;
  if (before === undefined) {
    draft.put(instance);
  } else if (isFromCatalog(before)) {
    if (before.service !== instance.service) draft.delete(recordKey(before));
    draft.put({ ...instance, adminState: before.adminState, adminReason: before.adminReason });
  } else if (before.enableTagOverride && before.service === instance.service) {
    // All that an owner gives away by EnableTagOverride.
    draft.put({ ...before, tags: instance.tags });
  } else {
    throw new Fault(
      'denied',
      `Permission denied: service ID "${instance.id}" on node "${instance.node}" is registered with ` +
        `${before.origin.dialect} (${before.origin.source}); change it there, or set EnableTagOverride to change its tags here.`,
    );
  }
}

/** Throws `denied` where an agent keeps the check, `not-found` for an unknown service. */
export function putCatalogCheck(draft: Draft, { record, serviceId }: CatalogCheck): void {
  const before = draft.check(record.node, record.id)?.record;
  if (before !== undefined && before.origin.source !== 'catalog') {
    throw new Fault(
      'denied',
      `Permission denied: check ID "${record.id}" on node "${record.node}" is kept by its agent; report its status there.`,
    );
  }
  if (serviceId === '' || record.instance !== undefined) {
    draft.put(record);
    return;
  }
  const instance = draft.instanceOnNode(record.node, serviceId)?.record;
  if (instance === undefined)
    throw new Fault('not-found', `Unknown service ID "${serviceId}" for check ID "${record.id}"`);
  draft.put({ ...record, instance: instanceOf(instance) });
}

/**
 * What `catalog/deregister` does: nothing brings it back, so it also removes what an agent registered, here or on a node that
 * has gone. What does not exist is as good as removed.
 */
export function deregisterFromCatalog(draft: Draft, wanted: CatalogDeregistration): void {
  if (wanted.checkId !== '') removeCheck(draft, wanted.node, wanted.checkId);
  else if (wanted.serviceId !== '') removeInstance(draft, wanted.node, wanted.serviceId);
  else removeNode(draft, wanted.node);
}

function removeCheck(draft: Draft, node: string, id: string): void {
  const check = draft.check(node, id)?.record;
  if (check === undefined) return;
  refuseForeign(check.origin, `check ID "${id}"`);
  draft.delete(recordKey(check));
}

function removeInstance(draft: Draft, node: string, id: string): void {
  const instance = draft.instanceOnNode(node, id)?.record;
  if (instance === undefined) return;
  refuseForeign(instance.origin, `service ID "${id}"`);
  for (const check of [...draft.checksOfInstance(instance)]) draft.delete(recordKey(check.record));
  draft.delete(recordKey(instance));
}

function removeNode(draft: Draft, name: string): void {
  const node = draft.node(name)?.record;
  if (node === undefined) return;
  refuseForeign(node.origin, `node "${name}"`);
  for (const entry of [...draft.instancesOnNode(name)]) removeInstance(draft, name, entry.record.id);
  for (const check of [...draft.checksOnNode(name)]) draft.delete(recordKey(check.record));
  draft.delete(recordKey(node));
}
