import { type CatalogReader, topicOf } from '@portolan/core/catalog/reader.ts';
import type { Entry, InstanceRecord } from '@portolan/core/catalog/records.ts';
import { bodyText } from '../../http/body.ts';
import { deregisterService, registerService, setServiceMaintenance } from './agent-intents.ts';
import { maintenanceReason } from './agent-maintenance.ts';
import { hashBlocking } from './blocking.ts';
import { type Call, done, type Handler, localJson, text } from './call.ts';
import { Fields, parseJson } from './fields.ts';
import { filterShapes } from './filter-shapes.ts';
import { flag, refuseEnterpriseScopes } from './query.ts';
import { filterOf } from './selection.ts';
import { agentOrigin, selfNode } from './self.ts';
import { wireAgentService } from './translate-answer.ts';
import { readServiceRegistration } from './translate-service.ts';

/** `PUT /v1/agent/service/register` */
export const register: Handler = async (call) => {
  const { engine, identity } = call.context;
  refuseEnterpriseScopes(call.query);
  const fields = new Fields(parseJson(bodyText(call.body)));
  const registration = readServiceRegistration(fields, {
    node: identity.node,
    origin: agentOrigin(identity),
  });
  const options = { replaceChecks: flag(call.query, 'replace-existing-checks') };
  const node = selfNode(identity);
  await engine.submit((draft) => registerService(draft, node, registration, options));
  return done;
};

/** `PUT /v1/agent/service/deregister/:service_id` */
export const deregister: Handler = async (call) => {
  const { engine, identity } = call.context;
  const id = call.argument;
  if (id === '') return text(400, 'Missing service ID');
  await engine.submit((draft) => deregisterService(draft, identity.node, id));
  return done;
};

/** `PUT /v1/agent/service/maintenance/:service_id?enable=true|false&reason=` */
export const maintenance: Handler = async (call) => {
  const { engine, identity } = call.context;
  const id = call.argument;
  if (id === '') return text(400, 'Missing service ID');
  const reason = maintenanceReason(call.query, 'service');
  await engine.submit((draft) => setServiceMaintenance(draft, identity.node, id, reason));
  return done;
};

/** Every instance on this node but what is here by itself or was put into the catalog from outside. */
export function* agentInstances(catalog: CatalogReader, node: string): Iterable<Entry<InstanceRecord>> {
  for (const entry of catalog.instancesOnNode(node)) {
    if (isAgents(entry.record)) yield entry;
  }
}

function isAgents({ origin }: InstanceRecord): boolean {
  return origin.dialect !== 'consul' || origin.source === 'agent';
}

/** `GET /v1/agent/services`, by id. */
export const list: Handler = (call) => {
  const { engine, identity } = call.context;
  const filter = filterOf(call, filterShapes.service);
  const services: Record<string, unknown> = Object.create(null);
  for (const { record } of agentInstances(engine.view.catalog, identity.node)) {
    const service = wireAgentService(record, identity.datacenter);
    if (filter?.(service) !== false) services[record.id] = service;
  }
  return localJson(call, services);
};

/** `GET /v1/agent/service/:service_id`, with `?hash=` waits for another content. */
export const one: Handler = hashBlocking(
  (call) => topicOf.node(call.context.identity.node),
  (call, catalog) => {
    const { identity } = call.context;
    const entry = catalog.instanceOnNode(identity.node, call.argument);
    return entry === undefined || !isAgents(entry.record)
      ? undefined
      : wireAgentService(entry.record, identity.datacenter);
  },
  (call: Call) =>
    call.argument === ''
      ? text(400, 'Missing service ID')
      : text(404, `unknown service ID: ${call.argument}`),
);
