import { type LocalReply, textReply } from '../local-reply.ts';
import { safeReply } from '../policies/safe-reply.ts';
import { RequestView } from '../request-view.ts';
import type { PolicyRequest } from '../route-policy.ts';
import type { CompiledRoute } from './compiled-route.ts';

/** What a route answers by itself: a redirect, a text, or that its target does not exist. */
export function routeReply(
  { action, redirect }: CompiledRoute,
  { head, client, plane, target }: Pick<PolicyRequest, 'head' | 'client' | 'plane' | 'target'>,
): LocalReply {
  if (redirect !== undefined) return redirect(new RequestView(head, client, plane.trusted));
  if (action.type === 'direct') return safeReply(action);
  return textReply(target?.status ?? 500, 'the route leads nowhere');
}
