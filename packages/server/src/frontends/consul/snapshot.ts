import type { IncomingMessage } from 'node:http';
import { Fault } from '@portolan/core/base/fault.ts';
import { reply } from '../../http/reply.ts';
import { type Call, done, type Handler, text } from './call.ts';
import { indexHeaders, staleForMs } from './headers.ts';
import { isOurDatacenter, readOptions } from './query.ts';
import { packSnapshot, unpackSnapshot } from './snapshot-archive.ts';
import { restoreSnapshot } from './snapshot-intents.ts';
import { everyEntry, headerLine, readState, recordLines, serviceRecords } from './translate-snapshot.ts';

/** Records written as JSON in one turn of the event loop: some 10 ms. */
const recordsPerTurn = 2_000;

/** `GET /v1/snapshot`: the whole state of one revision. Source: https://developer.hashicorp.com/consul/api-docs/snapshot */
export const save: Handler = async (call) => {
  const { engine, identity, config, clock } = call.context;
  const { consistency } = readOptions(call.query, config);
  if (!isOurDatacenter(call.query, identity.datacenter)) return text(500, 'No path to datacenter');
  const { revision, catalog } = engine.view;
  const records = [...everyEntry(catalog).map((entry) => entry.record), ...serviceRecords(catalog)];
  const parts = [Buffer.from(headerLine(revision, records.length))];
  for (let at = 0; at < records.length; at += recordsPerTurn) {
    parts.push(Buffer.from(recordLines(records.slice(at, at + recordsPerTurn))));
    await new Promise(setImmediate);
  }
  const state = Buffer.concat(parts);
  const nowMs = clock.wallMs();
  const packed = await packSnapshot({ meta: metaOf(call, revision, state.length, nowMs), state }, nowMs);
  const headers = indexHeaders(revision, consistency, staleForMs(engine.view, clock.monotonicMs()));
  return reply(200, ['Content-Type', 'application/x-gzip', ...headers], packed);
};

/** What Consul's tools show of a snapshot: that of its consensus log, of which there is only this server here. */
function metaOf(call: Call, revision: number, bytes: number, nowMs: number): string {
  const { nodeId } = call.context.identity;
  const servers = [{ Suffrage: 0, ID: nodeId, Address: nodeId }];
  return JSON.stringify({
    Version: 1,
    ID: `1-${revision}-${Math.floor(nowMs)}`,
    Index: revision,
    Term: 1,
    Peers: null,
    Configuration: { Servers: servers },
    ConfigurationIndex: 1,
    Size: bytes,
  });
}

/** `PUT /v1/snapshot`: all that is there gives way to what the snapshot holds, in one change. */
export const restore: Handler = async (call) => {
  const { engine, identity, config, sessions, log } = call.context;
  if (!isOurDatacenter(call.query, identity.datacenter)) return text(500, 'No path to datacenter');
  const packed = await readAll(call.request, config.maxSnapshotBytes);
  const { state } = await unpackSnapshot(packed, config.maxSnapshotBytes);
  const records = [...readState(state)];
  await engine.submit((draft) => restoreSnapshot(draft, records, identity));
  sessions.countAnew();
  log.info({ records: records.length }, 'a snapshot was restored');
  return done;
};

/** Larger than what other bodies may be, and read by nothing else. */
async function readAll(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    // The answer still has to go out when it is too large.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new Fault('too-large', `The snapshot is larger than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown;
    throw new Fault('cancelled', 'The client went away within its request.', { cause: thrown });
  }
  return Buffer.concat(chunks, bytes);
}
