import { bodyText } from '../../http/body.ts';
import { type Handler, localJson, text } from './call.ts';
import { staleForMs } from './headers.ts';
import { isOurDatacenter, readOptions, refuseEnterpriseScopes } from './query.ts';
import { catalogOrigin } from './self.ts';
import { onlyReads, readTransaction, wireTransaction } from './translate-txn.ts';
import { runTransaction, transactionErrors } from './txn-intents.ts';

/** `PUT /v1/txn`: all of its operations, or none and 409 with what failed. */
export const transact: Handler = async (call) => {
  const { engine, identity, config, sessions, clock } = call.context;
  if (!isOurDatacenter(call.query, identity.datacenter)) return text(500, 'No path to datacenter');
  refuseEnterpriseScopes(call.query);
  readOptions(call.query, config);
  const owner = { datacenter: identity.datacenter, origin: catalogOrigin(identity) };
  const limits = { maxOperations: config.maxTransactionOperations, maxValueBytes: config.maxKvBytes };
  const ops = readTransaction(bodyText(call.body), owner, limits);
  try {
    const results = await engine.submit((draft) => runTransaction(draft, ops, sessions));
    for (const op of ops) if (op.on === 'Session') sessions.forget(op.id);
    if (!onlyReads(ops)) return localJson(call, wireTransaction(results, []));
    const staleMs = staleForMs(engine.view, clock.monotonicMs());
    const meta = { Index: 0, LastContact: Math.round(staleMs ?? 0), KnownLeader: staleMs === undefined };
    const headers = ['X-Consul-KnownLeader', String(meta.KnownLeader), 'X-Consul-LastContact'];
    return localJson(call, { ...wireTransaction(results, []), ...meta }, 200, [
      ...headers,
      String(meta.LastContact),
    ]);
  } catch (thrown) {
    const errors = transactionErrors(thrown);
    if (errors === undefined) throw thrown;
    return localJson(call, wireTransaction(null, errors), 409);
  }
};
