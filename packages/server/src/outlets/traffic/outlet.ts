import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TrafficDelta, TrafficModel } from '@portolan/core/traffic/model.ts';
import type { Context, Part } from '../../contract.ts';
import { send, textReply } from '../../http/reply.ts';
import { followBatches } from './batches.ts';
import { type Audience, encodeUpdate } from './encode.ts';
import { createSnapshots } from './shared-snapshot.ts';
import { TrafficStream } from './stream.ts';
import { judge } from './token.ts';

/** Where the stream is read. */
export const trafficPath = '/portolan/v1/traffic';

const wrongToken = textReply(401, 'This is not the token in gateway-token of my data directory.', [
  'WWW-Authenticate',
  'Bearer',
]);

const heartbeatMs = 5_000;

/** One for each data plane process: four a machine, and a few hundred machines. */
const maxStreams = 2_048;

/** Feeds data planes, and with secrets those that show `token`. See README.md for the protocol. */
export function trafficOutlet(context: Context, token: string): Part & { readonly streams: number } {
  const { engine, clock } = context;
  const streams = new Set<TrafficStream>();
  const model = (): TrafficModel => engine.view.traffic;
  const snapshots = {
    'data-plane': createSnapshots(model, 'data-plane'),
    anyone: createSnapshots(model, 'anyone'),
  };
  let unsubscribe = () => {};
  let cancelHeartbeat = () => {};
  let stopping = false;

  context.http.mount(trafficPath, (request, response) => {
    const audience = judge(request.headers.authorization, token);
    const refusal = refusalOf(request);
    if (refusal !== undefined) send(response, refusal);
    else if (audience === 'refused') send(response, wrongToken);
    else open(response, audience);
  });

  function refusalOf(request: IncomingMessage) {
    const path = request.url?.split('?', 1)[0];
    if (path !== trafficPath) return textReply(404, 'There is nothing at this path.');
    if (request.method !== 'GET') return textReply(405, 'Only GET.', ['Allow', 'GET']);
    if (stopping) return textReply(503, 'The server is stopping.', ['Retry-After', '1']);
    if (streams.size >= maxStreams) return textReply(503, `There are ${maxStreams} readers already.`);
    return undefined;
  }

  function open(response: ServerResponse, audience: Audience): void {
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' });
    const told = { snapshot: snapshots[audience](), audience };
    const stream = new TrafficStream(response, model(), told, () => streams.delete(stream));
    streams.add(stream);
  }

  function sendUpdate(dirty: TrafficDelta): void {
    const bytes: Partial<Record<Audience, Buffer>> = {};
    for (const stream of streams) {
      const { audience } = stream;
      stream.update(dirty, () => {
        bytes[audience] ??= encodeUpdate(model(), dirty, audience);
        return bytes[audience];
      });
    }
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
