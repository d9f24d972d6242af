import { RequestView } from '../request-view.ts';
import type { PolicyRequest } from '../route-policy.ts';
import type { CompiledRoute, CompiledTarget } from './compiled-route.ts';

/** Where this request of the route goes: by weight, but a client whose sticky cookie names an endpoint goes where that is. */
export function drawTarget(
  { action, targets }: CompiledRoute,
  request: Pick<PolicyRequest, 'head' | 'client' | 'plane'>,
): CompiledTarget | undefined {
  if (targets === undefined || targets.only !== undefined) return targets?.only;
  const sticky = action.type === 'forward' ? action.sticky : undefined;
  if (sticky === undefined) return targets.draw();
  const token = new RequestView(request.head, request.client, request.plane.trusted).cookie(sticky.name);
  const known =
    token === undefined
      ? undefined
      : targets.values.find(({ cluster }) => cluster?.pickSticky(token) !== undefined);
  return known ?? targets.draw();
}
