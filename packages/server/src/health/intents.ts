import { sameJson } from '@portolan/core/base/json.ts';
import type { Intent } from '@portolan/core/catalog/draft.ts';
import { type CheckRecord, type Health, keyOf, recordKey } from '@portolan/core/catalog/records.ts';

/** Whether both are the same check with the same orders; its status and texts may differ. */
export function sameCheck(left: CheckRecord, right: CheckRecord): boolean {
  return (
    left === right ||
    (sameJson(left.definition, right.definition) &&
      sameJson(left.instance, right.instance) &&
      left.origin.node === right.origin.node)
  );
}

/** Gives the check a status, unless it is gone, was replaced by another, or has that status, and a reason for it, already. */
export function setStatus(check: CheckRecord, status: Health, output: string): Intent<void> {
  return (draft) => {
    const current = draft.check(check.node, check.id)?.record;
    if (current === undefined || !sameCheck(current, check)) return;
    if (current.status === status && (current.output !== '' || output === '')) return;
    draft.put({ ...current, status, output });
  };
}

/** Removes the check's instance and all checks of that, if the check is still critical. Says whether it did. */
export function removeInstance(check: CheckRecord): Intent<boolean> {
  return (draft) => {
    const current = draft.check(check.node, check.id)?.record;
    if (current?.status !== 'critical' || !sameCheck(current, check) || current.instance === undefined)
      return false;
    const { namespace, service, id } = current.instance;
    const instance = draft.instance(namespace, service, current.node, id)?.record;
    if (instance === undefined) {
      draft.delete(recordKey(current));
      return true;
    }
    const keys = Array.from(draft.checksOfInstance(instance), (entry) => recordKey(entry.record));
    for (const key of keys) draft.delete(key);
    draft.delete(keyOf.instance(namespace, service, current.node, id));
    return true;
  };
}
