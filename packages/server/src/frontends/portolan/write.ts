import { Fault } from '@portolan/core/base/fault.ts';
import type { Draft } from '@portolan/core/catalog/draft.ts';
import { defaultNamespace, type InstanceRecord, keyOf, type Origin } from '@portolan/core/catalog/records.ts';
import { z } from 'zod';
import { reply } from '../../http/reply.ts';
import { type Call, type Handler, json, jsonBody, param } from './call.ts';
import { parse, type Registration, registrationFrom } from './translate.ts';

const dialect = 'portolan';

const report = z.strictObject({
  status: z.enum(['passing', 'warning', 'critical']).default('passing'),
  output: z.string().max(4096).default(''),
});

/** How a TTL check is, said by its owner. */
export const reportCheck: Handler = async (call) => {
  const node = call.query.get('node') ?? call.context.identity.node;
  const { status, output } = parse(report, jsonBody(call.body));
  await call.context.health.report(node, param(call, 'id'), status, output);
  return reply(204);
};

export const register: Handler = async (call) => {
  const { engine, identity } = call.context;
  const origin: Origin = { dialect, source: 'api', node: identity.node };
  const key = { service: param(call, 'service'), id: param(call, 'id'), defaultNode: identity.node };
  const registration = registrationFrom(jsonBody(call.body), key, origin);
  await engine.submit((draft) => writeRegistration(draft, registration));
  const { namespace, service, node, id } = registration.instance;
  return json({ namespace, service, node, id, revision: engine.view.revision });
};

export const deregister: Handler = async (call) => {
  const { namespace, node } = placeOf(call);
  const service = param(call, 'service');
  const id = param(call, 'id');
  await call.context.engine.submit((draft) => {
    const found = draft.instance(namespace, service, node, id)?.record;
    if (found === undefined) return;
    checkOwner(found);
    removeInstance(draft, found);
  });
  return reply(204);
};

function placeOf({ query, context }: Call): { namespace: string; node: string } {
  return {
    namespace: query.get('namespace') ?? defaultNamespace,
    node: query.get('node') ?? context.identity.node,
  };
}

/** The whole state of the instance: checks that it had and that are not named any more go. */
function writeRegistration(draft: Draft, { instance, checks }: Registration): void {
  if (draft.node(instance.node) === undefined) {
    throw new Fault(
      'invalid',
      `node: there is no node "${instance.node}"; leave it out for this server's own`,
      {
        path: 'node',
      },
    );
  }
  const sameId = draft.instanceOnNode(instance.node, instance.id)?.record;
  if (sameId !== undefined) checkOwner(sameId);
  if (sameId !== undefined && sameId.service !== instance.service) {
    throw new Fault(
      'conflict',
      `id: "${instance.id}" on ${instance.node} is an instance of ${sameId.service}`,
      {
        path: 'id',
      },
    );
  }
  const statusBefore = new Map(
    Array.from(draft.checksOfInstance(instance), ({ record }) => [record.id, record.status]),
  );
  for (const id of statusBefore.keys()) {
    if (!checks.some((check) => check.id === id)) draft.delete(keyOf.check(instance.node, id));
  }
  draft.put(instance);
  for (const [index, check] of checks.entries()) {
    const taken = draft.check(check.node, check.id)?.record;
    if (taken !== undefined && taken.instance?.id !== instance.id) {
      const path = `checks[${index}].id`;
      throw new Fault('conflict', `${path}: "${check.id}" is the check of another instance`, { path });
    }
    draft.put({ ...check, status: statusBefore.get(check.id) ?? check.status });
  }
}

function removeInstance(draft: Draft, instance: InstanceRecord): void {
  const checks = Array.from(draft.checksOfInstance(instance), ({ record }) => record.id);
  for (const id of checks) draft.delete(keyOf.check(instance.node, id));
  draft.delete(keyOf.instance(instance.namespace, instance.service, instance.node, instance.id));
}

function checkOwner({ id, origin }: InstanceRecord): void {
  if (origin.dialect === dialect) return;
  throw new Fault(
    'denied',
    `"${id}" was registered through ${origin.dialect} (${origin.source}): change it there`,
  );
}
