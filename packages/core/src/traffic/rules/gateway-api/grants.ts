import type { ReferenceGrant } from '../../../rules/gateway-api.ts';
import type { PlanContext } from '../contract.ts';
import { gatewayApi } from './names.ts';

export interface Reference {
  readonly fromGroup: string;
  readonly fromKind: string;
  readonly fromNamespace: string;
  readonly toGroup: string;
  readonly toKind: string;
  readonly toNamespace: string;
  readonly toName: string;
}

/** Whether one may refer to the other: in one namespace always, else by a ReferenceGrant that stands where the other is. */
export function isGranted(context: PlanContext, reference: Reference): boolean {
  const { fromGroup, fromKind, fromNamespace, toGroup, toKind, toNamespace, toName } = reference;
  if (fromNamespace === toNamespace) return true;
  return context
    .rules<ReferenceGrant>(gatewayApi, 'ReferenceGrant', toNamespace)
    .some(
      ({ manifest: { spec } }) =>
        spec.from.some(
          (from) => from.group === fromGroup && from.kind === fromKind && from.namespace === fromNamespace,
        ) &&
        spec.to.some(
          (to) => to.group === toGroup && to.kind === toKind && (to.name === undefined || to.name === toName),
        ),
    );
}
