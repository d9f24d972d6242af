import { randomUUID } from 'node:crypto';
import type { CatalogReader } from '@portolan/core/catalog/reader.ts';
import { topicOf } from '@portolan/core/catalog/reader.ts';
import type { Entry, LeaseRecord } from '@portolan/core/catalog/records.ts';
import { bodyText } from '../../http/body.ts';
import type { Reply } from '../../http/reply.ts';
import { blocking, jsonContent } from './blocking.ts';
import { type Call, type Handler, localJson, text } from './call.ts';
import { Fields, parseJson } from './fields.ts';
import { isOurDatacenter, refuseEnterpriseScopes } from './query.ts';
import { sessionRefusal } from './session-intents.ts';
import { isSession, readSession, sessionOf, wireSession } from './translate-session.ts';

/** `PUT /v1/session/create` */
export const create: Handler = async (call) => {
  const refusal = refusalOf(call);
  if (refusal !== undefined) return refusal;
  const source = bodyText(call.body);
  const fields = new Fields(source.trim() === '' ? {} : parseJson(source));
  const session = readSession(fields, call.context.identity.node);
  const id = randomUUID();
  try {
    await call.context.sessions.create(id, session);
  } catch (thrown) {
    return refusedBySession(thrown);
  }
  return localJson(call, { ID: id });
};

/** `PUT /v1/session/destroy/:id`: true, also where there was none. */
export const destroy: Handler = async (call) => {
  const refusal = refusalOf(call) ?? missingId(call);
  if (refusal !== undefined) return refusal;
  await call.context.sessions.destroy(call.argument);
  return localJson(call, true);
};

/** `PUT /v1/session/renew/:id` */
export const renew: Handler = (call) => {
  const refusal = refusalOf(call) ?? missingId(call);
  if (refusal !== undefined) return refusal;
  const { engine, sessions } = call.context;
  const entry = sessions.renew(call.argument) ? engine.view.catalog.lease(call.argument) : undefined;
  if (entry === undefined) return text(404, `Session id '${call.argument}' not found`);
  return localJson(call, [wireSession(entry)]);
};

/** `GET /v1/session/info/:id`: a list of one, or of none. */
export const info = blocking({
  topic: () => topicOf.leases,
  index: (call, catalog) => catalog.lease(call.argument)?.modifyRevision ?? catalog.indexOf(topicOf.leases),
  content(call, catalog) {
    const entry = catalog.lease(call.argument);
    return jsonContent(call, entry === undefined || !isSession(entry.record) ? [] : [wireSession(entry)]);
  },
});

/** `GET /v1/session/list` */
export const list = blocking({
  // Leases of other dialects are no sessions.
  topic: () => topicOf.leases,
  byContent: () => true,
  content: (call, catalog) => jsonContent(call, sessions(catalog).map(wireSession)),
});

/** `GET /v1/session/node/:node` */
export const ofNode = blocking({
  topic: () => topicOf.leases,
  byContent: () => true,
  content(call, catalog) {
    const found = sessions(catalog).filter(({ record }) => sessionOf(record).node === call.argument);
    return jsonContent(call, found.map(wireSession));
  },
});

function sessions(catalog: CatalogReader): readonly Entry<LeaseRecord>[] {
  return [...catalog.leases()].filter(({ record }) => isSession(record));
}

function refusalOf(call: Call) {
  refuseEnterpriseScopes(call.query);
  if (!isOurDatacenter(call.query, call.context.identity.datacenter))
    return text(500, 'No path to datacenter');
  return undefined;
}

/** Rethrows what is no refusal of a session's. */
export function refusedBySession(thrown: unknown): Reply {
  const message = sessionRefusal(thrown);
  if (message === undefined) throw thrown;
  return text(500, message);
}

function missingId(call: Call) {
  return call.argument === '' ? text(400, 'Missing session') : undefined;
}
