import { randomUUID } from 'node:crypto';
import { Fault } from '@portolan/core/base/fault.ts';
import {
  type PreparedQuery,
  preparedQueryApiVersion,
  preparedQueryOf,
} from '@portolan/core/catalog/prepared-query.ts';
import { runPreparedQuery } from '@portolan/core/catalog/prepared-query-run.ts';
import { checkPreparedQuery } from '@portolan/core/catalog/prepared-query-template.ts';
import { topicOf } from '@portolan/core/catalog/reader.ts';
import { bodyText } from '../../http/body.ts';
import type { Reply } from '../../http/reply.ts';
import { linearGroups } from '../../linear-regex.ts';
import { blocking, jsonContent } from './blocking.ts';
import { type Call, done, type Handler, localJson, text } from './call.ts';
import { Fields, parseJson } from './fields.ts';
import { staleForMs } from './headers.ts';
import { createPreparedQuery, deletePreparedQuery, updatePreparedQuery } from './prepared-query-intents.ts';
import { isOurDatacenter, readOptions, refuseEnterpriseScopes } from './query.ts';
import { catalogOrigin } from './self.ts';
import { refusedBySession } from './session.ts';
import { wireChecksOf, wireNode, wireNodeService } from './translate-answer.ts';
import { readPreparedQuery, wirePreparedQuery, wireTtl } from './translate-prepared-query.ts';

const notFound = text(404, 'Query not found');

/** `GET /v1/query` */
export const list = blocking({
  topic: () => topicOf.rulesOf(preparedQueryApiVersion),
  content(call, catalog) {
    const queries = [...catalog.rules(preparedQueryApiVersion)].flatMap((entry) => {
      const query = preparedQueryOf(entry);
      return query === undefined ? [] : [wirePreparedQuery(query, entry)];
    });
    return jsonContent(call, queries);
  },
});

/** `POST /v1/query` */
export const create: Handler = async (call) => {
  const refusal = refusalOf(call);
  if (refusal !== undefined) return refusal;
  const query = readBody(call, randomUUID());
  const origin = catalogOrigin(call.context.identity);
  try {
    await call.context.engine.submit((draft) => createPreparedQuery(draft, query, origin));
  } catch (thrown) {
    return refusedBySession(thrown);
  }
  return localJson(call, { ID: query.id });
};

/** `PUT /v1/query/:id` */
export const update: Handler = async (call) => {
  const refusal = refusalOf(call);
  if (refusal !== undefined) return refusal;
  const query = readBody(call, call.argument);
  const origin = catalogOrigin(call.context.identity);
  try {
    const found = await call.context.engine.submit((draft) => updatePreparedQuery(draft, query, origin));
    return found ? done : unknownQuery(call.argument);
  } catch (thrown) {
    return refusedBySession(thrown);
  }
};

/** `DELETE /v1/query/:id` */
export const remove: Handler = async (call) => {
  const refusal = refusalOf(call);
  if (refusal !== undefined) return refusal;
  const found = await call.context.engine.submit((draft) => deletePreparedQuery(draft, call.argument));
  return found ? done : unknownQuery(call.argument);
};

/** Consul's own answer to a change of a query that is not there. */
function unknownQuery(id: string): Reply {
  return text(500, `Cannot modify non-existent prepared query: '${id}'`);
}

function readBody(call: Call, id: string): PreparedQuery {
  const query = readPreparedQuery(new Fields(parseJson(bodyText(call.body))), id);
  try {
    checkPreparedQuery(query, linearGroups);
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    const regexp = JSON.stringify(query.template?.regexp);
    throw new Fault('invalid', `Bad Template: Regexp ${regexp} cannot be compiled`, {
      path: 'Template.Regexp',
      cause,
    });
  }
  return query;
}

const executed = '/execute';
const explained = '/explain';

/** `GET /v1/query/:id`, `GET /v1/query/:id_or_name/execute`, `GET /v1/query/:id_or_name/explain` */
export const get: Handler = (call) => {
  const { argument } = call;
  if (argument.endsWith(executed)) return execute(call, argument.slice(0, -executed.length));
  if (argument.endsWith(explained)) return explain(call, argument.slice(0, -explained.length));
  return one(call);
};

const one = blocking({
  topic: () => topicOf.rulesOf(preparedQueryApiVersion),
  content(call, catalog) {
    for (const entry of catalog.rules(preparedQueryApiVersion)) {
      const query = preparedQueryOf(entry);
      if (query?.id === call.argument) return jsonContent(call, [wirePreparedQuery(query, entry)]);
    }
    return { status: notFound.status, headers: textHeaders, body: notFound.body };
  },
});

const textHeaders = ['Content-Type', 'text/plain; charset=utf-8'];

function explain(call: Call, name: string): Reply {
  const refusal = refusalOf(call);
  if (refusal !== undefined) return refusal;
  const query = call.context.queries.resolve(name);
  if (query === undefined) return notFound;
  return localJson(call, { Query: wirePreparedQuery(query), ...readMeta(call) }, 200, metaHeaders(call));
}

/** Instances in random order, the nearest node's first, at most `?limit=`. */
function execute(call: Call, name: string): Reply {
  const refusal = refusalOf(call);
  if (refusal !== undefined) return refusal;
  const { engine, identity, random, queries } = call.context;
  const limit = readLimit(call.query.get('limit'));
  const query = queries.resolve(name);
  if (query === undefined) return notFound;
  const { catalog } = engine.view;
  const near = nearNode(call, query);
  const shuffled = inRandomOrder(runPreparedQuery(catalog, query), random);
  const ordered = [
    ...shuffled.filter((entry) => entry.record.node === near),
    ...shuffled.filter((entry) => entry.record.node !== near),
  ];
  const nodes = (limit === 0 ? ordered : ordered.slice(0, limit)).map((entry) => ({
    Node: wireNode(entry.record.node, catalog.node(entry.record.node)),
    Service: wireNodeService(entry),
    Checks: wireChecksOf(catalog, entry),
  }));
  const answer = {
    Service: query.service.service,
    Nodes: nodes,
    DNS: wireTtl(query),
    Datacenter: identity.datacenter,
    Failovers: 0,
  };
  return localJson(call, { ...answer, ...readMeta(call) }, 200, metaHeaders(call));
}

/** What the request says goes before what the query says. */
function nearNode(call: Call, query: PreparedQuery): string {
  const near = call.query.get('near') || query.service.near;
  return near === '_agent' ? call.context.identity.node : near;
}

function inRandomOrder<T>(items: readonly T[], random: () => number): T[] {
  const keyed = items.map((item) => ({ item, key: random() }));
  return keyed.sort((left, right) => left.key - right.key).map(({ item }) => item);
}

function readLimit(given: string | undefined): number {
  if (given === undefined || given === '') return 0;
  if (/^\d{1,9}$/.test(given)) return Number(given);
  throw new Fault('invalid', `Bad limit: ${JSON.stringify(given)} is not a whole number`, { path: 'limit' });
}

function refusalOf(call: Call): Reply | undefined {
  refuseEnterpriseScopes(call.query);
  readOptions(call.query, call.context.config);
  if (!isOurDatacenter(call.query, call.context.identity.datacenter))
    return text(500, 'No path to datacenter');
  return undefined;
}

/** What Consul says of a read that cannot be waited for. */
function readMeta(call: Call) {
  const { engine, clock } = call.context;
  const staleMs = staleForMs(engine.view, clock.monotonicMs());
  return { Index: 0, LastContact: Math.round(staleMs ?? 0), KnownLeader: staleMs === undefined };
}

function metaHeaders(call: Call): readonly string[] {
  const { LastContact, KnownLeader } = readMeta(call);
  return ['X-Consul-KnownLeader', String(KnownLeader), 'X-Consul-LastContact', String(LastContact)];
}
