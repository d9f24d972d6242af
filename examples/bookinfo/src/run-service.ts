import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Client, createClient } from '@portolan/client';
import { type Answer, answerWith } from './answer.ts';

/** One of the sample's services: what it is called, and what it answers. */
export interface ServiceDefinition {
  readonly name: string;
  readonly version: string;
  /** Calls others by name through `call`; undefined: there is no such page. */
  handle(path: string, call: Call): Promise<Answer | undefined> | Answer | undefined;
}

/** GET by service name: `call('http://ratings/ratings/0')`. The request's id goes along. */
export type Call = (target: string) => Promise<Response>;

export interface RunningService {
  readonly port: number;
  readonly instanceId: string;
  /** Out of the registry first, then finishes what is under way. */
  stop(): Promise<void>;
}

/** A slow neighbour must not hold a page for longer. */
const callTimeoutMs = 3_000;
const checkIntervalMs = 1_000;

/** Starts the service on a free port of 127.0.0.1 and registers it with an HTTP check on `/health`. */
export async function runService(
  definition: ServiceDefinition,
  options: { server: string; token?: string; say?: (line: string) => void },
): Promise<RunningService> {
  const { server: registry, token, say = () => {} } = options;
  const client = createClient({
    server: registry,
    ...(token === undefined ? {} : { token }),
    onProblem: (problem) => say(problem.message),
  });
  const server = createServer((request, response) => void serve(definition, client, request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const instanceId = `${definition.name}-${definition.version}`;
  try {
    await client.register(
      {
        name: definition.name,
        id: instanceId,
        address: '127.0.0.1',
        port,
        tags: ['http'],
        metadata: { version: definition.version },
        checks: [
          {
            http: `http://127.0.0.1:${port}/health`,
            intervalMs: checkIntervalMs,
            timeoutMs: checkIntervalMs,
          },
        ],
      },
      // The sample may be started before the registry is.
      { waitForServer: true },
    );
  } catch (thrown) {
    server.close();
    await client.close();
    throw thrown;
  }
  return {
    port,
    instanceId,
    async stop() {
      await client.close();
      await closed(server);
    },
  };
}

async function closed(server: Server): Promise<void> {
  const end = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  await end;
}

async function serve(
  definition: ServiceDefinition,
  client: Client,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    answerWith(response, { status: 405, json: { error: 'only GET and HEAD' } });
    return;
  }
  if (path === '/health') {
    answerWith(response, { json: { status: 'ok' } });
    return;
  }
  try {
    const headers = traceHeaders(request);
    const call: Call = (target) => client.fetch(target, { headers, timeoutMs: callTimeoutMs });
    const answer = await definition.handle(path, call);
    answerWith(response, answer ?? { status: 404, json: { error: `there is nothing at ${path}` } });
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown.message : String(thrown);
    answerWith(response, { status: 500, json: { error } });
  }
}

/** So that one request can be followed through the logs of all services. */
function traceHeaders(request: IncomingMessage): Record<string, string> {
  const id = request.headers['x-request-id'];
  return typeof id === 'string' && /^[\w-]{1,64}$/.test(id) ? { 'x-request-id': id } : {};
}
