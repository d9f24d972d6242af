import { Fault } from '@portolan/core/base/fault.ts';
import type { Draft } from '@portolan/core/catalog/draft.ts';
import {
  PreparedQueries,
  type PreparedQuery,
  preparedQueryApiVersion,
  preparedQueryKind,
  preparedQueryRecord,
} from '@portolan/core/catalog/prepared-query.ts';
import { defaultNamespace, keyOf, type Origin } from '@portolan/core/catalog/records.ts';
import { requireSession } from './session-intents.ts';

/** Writes a new query. Throws where its name is taken, or its session does not exist. */
export function createPreparedQuery(draft: Draft, query: PreparedQuery, origin: Origin): void {
  if (query.session !== '') requireSession(draft, query.session);
  const rival = new PreparedQueries(draft.rules(preparedQueryApiVersion)).rivalOf(query);
  if (rival !== undefined) throw taken(query);
  draft.put(preparedQueryRecord(query, origin));
}

/** Replaces a query. False: there is none of that id. */
export function updatePreparedQuery(draft: Draft, query: PreparedQuery, origin: Origin): boolean {
  if (!exists(draft, query.id)) return false;
  createPreparedQuery(draft, query, origin);
  return true;
}

export function deletePreparedQuery(draft: Draft, id: string): boolean {
  if (!exists(draft, id)) return false;
  draft.delete(keyOf.rule(preparedQueryApiVersion, preparedQueryKind, defaultNamespace, id));
  return true;
}

function exists(draft: Draft, id: string): boolean {
  return new PreparedQueries(draft.rules(preparedQueryApiVersion)).find(id)?.query.id === id;
}

function taken({ name, template }: PreparedQuery): Fault {
  const quoted = JSON.stringify(name);
  return template === undefined
    ? new Fault('conflict', `name ${quoted} aliases an existing query name`, { path: 'Name' })
    : new Fault('conflict', `query template with name ${quoted} already exists`, { path: 'Name' });
}
