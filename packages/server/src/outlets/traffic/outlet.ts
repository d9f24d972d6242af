import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TrafficDelta } from '@portolan/core/traffic/model.ts';
import type { Context, Part } from '../../contract.ts';
import { send, textReply } from '../../http/reply.ts';
import { followBatches } from './batches.ts';
import { encodeUpdate } from './encode.ts';
import { createSnapshots } from './shared-snapshot.ts';
import { TrafficStream } from './stream.ts';

/** Where the stream is read. */
export const trafficPath = '/portolan/v1/traffic';

const heartbeatMs = 5_000;

/** One for each data plane process: four a machine, and a few hundred machines. */
const maxStreams = 2_048;

/** Feeds data planes. See README.md for the protocol. */
export function trafficOutlet(context: Context): Part & { readonly streams: number } {
  const { engine, clock } = context;
  const streams = new Set<TrafficStream>();
  const snapshot = createSnapshots(() => engine.view.traffic);
  let unsubscribe = () => {};
  let cancelHeartbeat = () => {};
  let stopping = false;

  context.http.mount(trafficPath, (request, response) => {
    const refusal = refusalOf(request);
    if (refusal === undefined) open(response);
    else send(response, refusal);
  });

  function refusalOf(request: IncomingMessage) {
    const path = request.url?.split('?', 1)[0];
    if (path !== trafficPath) return textReply(404, 'There is nothing at this path.');
    if (request.method !== 'GET') return textReply(405, 'Only GET.', ['Allow', 'GET']);
    if (stopping) return textReply(503, 'The server is stopping.', ['Retry-After', '1']);
    if (streams.size >= maxStreams) return textReply(503, `There are ${maxStreams} readers already.`);
    return undefined;
  }

  function open(response: ServerResponse): void {
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' });
    const stream = new TrafficStream(response, engine.view.traffic, snapshot(), () => streams.delete(stream));
    streams.add(stream);
  }

  function sendUpdate(dirty: TrafficDelta): void {
    let bytes: Buffer | undefined;
    const encoded = () => {
      bytes ??= encodeUpdate(engine.view.traffic, dirty);
      return bytes;
    };
    for (const stream of streams) stream.update(dirty, encoded);
  }

  function beat(): void {
    for (const stream of streams) stream.heartbeat();
    cancelHeartbeat = clock.after(heartbeatMs, beat);
  }

  return {
    name: 'traffic',
    get streams() {
      return streams.size;
    },
    async start() {
      unsubscribe = followBatches(engine, sendUpdate);
      cancelHeartbeat = clock.after(heartbeatMs, beat);
    },
    async stop() {
      stopping = true;
      unsubscribe();
      cancelHeartbeat();
      for (const stream of streams) stream.end();
    },
  };
}
