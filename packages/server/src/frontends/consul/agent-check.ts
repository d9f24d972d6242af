import { Fault } from '@portolan/core/base/fault.ts';
import type { Health } from '@portolan/core/catalog/records.ts';
import { bodyText } from '../../http/body.ts';
import {
  deregisterCheck,
  putCheck,
  refuseTooManyChecks,
  setNodeMaintenance,
  setServiceMaintenance,
  unknownCheck,
} from './agent-intents.ts';
import { agentInstances } from './agent-service.ts';
import { type Call, done, type Handler, localJson, text } from './call.ts';
import { Fields, parseJson } from './fields.ts';
import { filterShapes } from './filter-shapes.ts';
import { refuseEnterpriseScopes } from './query.ts';
import { filterOf } from './selection.ts';
import { agentOrigin, selfNode } from './self.ts';
import {
  nodeMaintenanceId,
  serviceMaintenancePrefix,
  type WireObject,
  wireCheck,
  wireNodeMaintenance,
  wireServiceMaintenance,
} from './translate-answer.ts';
import { healthOf, readCheck } from './translate-check.ts';
import { checkRecord, readStatus } from './translate-service.ts';

/** A check's output is kept up to here, as Consul does (`OutputMaxSize`). */
const maxOutput = 4096;

/** `PUT /v1/agent/check/register` */
export const register: Handler = async (call) => {
  const { engine, identity } = call.context;
  refuseEnterpriseScopes(call.query);
  const fields = new Fields(parseJson(bodyText(call.body)));
  if (fields.string('Name') === '') return text(400, 'Missing check name');
  const status = readStatus(fields.string('Status'), 'Bad check status');
  const request = readCheck(fields);
  const serviceId = fields.string('ServiceID');
  const registrant = { node: identity.node, origin: agentOrigin(identity) };
  const settled = { id: request.id || request.name, name: request.name, status };
  await engine.submit((draft) => {
    const instance = serviceId === '' ? undefined : draft.instanceOnNode(identity.node, serviceId)?.record;
    if (serviceId !== '' && instance === undefined) {
      throw new Fault('not-found', `ServiceID "${serviceId}" does not exist`, { path: 'ServiceID' });
    }
    if (draft.node(identity.node) === undefined) draft.put(selfNode(identity));
    putCheck(
      draft,
      checkRecord(request, registrant, instance === undefined ? settled : { ...settled, instance }),
    );
    refuseTooManyChecks(draft, instance, identity.node);
  });
  return done;
};

/** `PUT /v1/agent/check/deregister/:check_id`; the checks that stand for maintenance end it. */
export const deregister: Handler = async (call) => {
  const { engine, identity } = call.context;
  const id = call.argument;
  if (id === '') return text(400, 'Missing check ID');
  await engine.submit((draft) => {
    if (id === nodeMaintenanceId) setNodeMaintenance(draft, selfNode(identity), undefined);
    else if (id.startsWith(serviceMaintenancePrefix)) {
      setServiceMaintenance(draft, identity.node, id.slice(serviceMaintenancePrefix.length), undefined);
    } else deregisterCheck(draft, identity.node, id);
  });
  return done;
};

/** `PUT /v1/agent/check/{pass,warn,fail}/:check_id?note=` */
export function heartbeat(status: Health): Handler {
  return (call) => report(call, status, call.query.get('note') ?? '');
}

/** `PUT /v1/agent/check/update/:check_id` with `{Status, Output}`. */
export const update: Handler = (call) => {
  const fields = new Fields(parseJson(bodyText(call.body)));
  const word = fields.string('Status');
  const status = healthOf(word);
  if (status === undefined) return text(400, `Invalid check status: '${word}'`);
  return report(call, status, fields.string('Output'));
};

async function report(call: Call, status: Health, output: string) {
  const { engine, health, identity } = call.context;
  const id = call.argument;
  if (id === '') return text(400, 'Missing check ID');
  if (engine.view.catalog.check(identity.node, id) === undefined) throw unknownCheck(id);
  await health.report(identity.node, id, status, output.slice(0, maxOutput));
  return done;
}

/** `GET /v1/agent/checks`, by id. */
export const list: Handler = (call) => {
  const filter = filterOf(call, filterShapes.check);
  const checks: Record<string, unknown> = Object.create(null);
  for (const check of agentChecks(call)) {
    if (filter?.(check) !== false) checks[String(check.CheckID)] = check;
  }
  return localJson(call, checks);
};

function* agentChecks(call: Call): Iterable<WireObject> {
  const { engine, identity, health } = call.context;
  const { catalog } = engine.view;
  const newest = (id: string) => health.outputOf(identity.node, id);
  for (const entry of catalog.nodeChecks(identity.node)) {
    if (entry.record.origin.source === 'agent') yield wireCheck(entry, undefined, newest(entry.record.id));
  }
  const nodeDown = wireNodeMaintenance(catalog.node(identity.node));
  if (nodeDown !== undefined) yield nodeDown;
  for (const instance of agentInstances(catalog, identity.node)) {
    for (const entry of catalog.checksOfInstance(instance.record)) {
      yield wireCheck(entry, instance.record, newest(entry.record.id));
    }
    const out = wireServiceMaintenance(instance);
    if (out !== undefined) yield out;
  }
}
