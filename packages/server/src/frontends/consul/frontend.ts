import type { IncomingMessage, ServerResponse } from 'node:http';
import { Fault, type FaultCode } from '@portolan/core/base/fault.ts';
import type { Context, Part } from '../../contract.ts';
import { readBody } from '../../http/body.ts';
import { type Reply, send } from '../../http/reply.ts';
import { parseTarget } from '../../http/target.ts';
import { PreparedQueryBook } from '../../prepared-query-book.ts';
import { answers } from './answers.ts';
import { type ConsulContext, text } from './call.ts';
import { type ConsulConfig, defaultConsulConfig } from './config.ts';
import { contentIndexes } from './content-index.ts';
import { eventLog } from './event-log.ts';
import { type BodyKind, type Found, router } from './router.ts';
import { routes } from './routes.ts';
import { registerSelf } from './self.ts';
import { sessionKeeper } from './session-keeper.ts';
import { waiters } from './waiters.ts';

/**
 * Consul's HTTP API. Its paths are mounted at once, so that the listener never answers for them with a 404; `start`, after the
 * listener's, writes this server's own node. `stop` answers every blocking query with what is true now.
 */
export function consulFrontend(context: Context, config: ConsulConfig = defaultConsulConfig): Part {
  const limits = { maxAnswers: config.maxCachedAnswers, maxBytes: config.maxCachedAnswerBytes };
  const own: ConsulContext = {
    ...context,
    config,
    answers: answers(limits),
    contentIndexes: contentIndexes(config.maxCachedAnswers),
    waiters: waiters(context.engine),
    sessions: sessionKeeper(context),
    queries: new PreparedQueryBook(() => context.engine.view.catalog),
    events: eventLog(context.clock, config.maxEvents),
  };
  const find = router(routes);

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: Reply;
    try {
      answer = await dispatch(own, find, request, response);
    } catch (thrown) {
      answer = faultReply(thrown);
      if (!request.complete) response.shouldKeepAlive = false;
    }
    if (own.waiters.closed) response.shouldKeepAlive = false;
    send(response, answer);
  }

  context.http.mount('/v1/', handle);
  context.http.mount('/', handleElsewhere);

  return {
    name: 'consul',
    async start() {
      const port = context.listeners.list().find((listener) => listener.name === 'http')?.port ?? 0;
      await context.engine.submit((draft) => registerSelf(draft, context.identity, port));
      own.sessions.start();
    },
    async stop() {
      own.sessions.stop();
      own.waiters.close();
      own.events.close();
    },
  };
}

async function dispatch(
  context: ConsulContext,
  find: (path: string) => Found | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Reply> {
  const target = request.url ?? '/';
  const { path, query } = parseTarget(target);
  if (unprintable.test(path)) return notPrintable;
  const found = find(path);
  if (found === undefined) return notRecognized;
  const method = request.method ?? 'GET';
  const route = found.routes.get(method);
  if (route === undefined) return otherMethod(method, found);
  const body = route.body === undefined ? noBody : await bodyOf(request, route.body, context.config);
  const { argument } = found;
  return route.handle({ context, method, argument, query, target, body, request, response });
}

/** All but letters, marks, numbers, punctuation, symbols and the space: Consul refuses them in every path. */
const unprintable = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;
const notPrintable = text(400, 'Invalid URL path: it must not hold unprintable characters');

const noBody = Buffer.alloc(0);

const maxBytesOf: Readonly<Record<BodyKind, (config: ConsulConfig) => number>> = {
  registration: (config) => config.maxRegistrationBytes,
  kv: (config) => config.maxKvBytes,
  txn: (config) => config.maxTransactionBytes,
  event: (config) => config.maxEventBytes,
  query: (config) => config.maxQueryBytes,
};

function bodyOf(request: IncomingMessage, kind: BodyKind, config: ConsulConfig): Promise<Buffer> {
  const max = maxBytesOf[kind](config);
  return readBody(
    request,
    max,
    (bytes) =>
      `Request body(${bytes} bytes) too large, max size: ${max} bytes. See the limits of the http listener.`,
  );
}

const notRecognized = text(404, 'Invalid URL path: not a recognized HTTP API endpoint');
const notUnderV1 = text(
  404,
  "Invalid URL path: if attempting to use the HTTP API, ensure the path starts with '/v1/'",
);
const noConsole = text(
  200,
  'Consul Agent: UI disabled. Portolan has no console yet; its APIs are under /v1/ and /portolan/v1/, its metrics at /metrics.\n',
);

/** Everything outside `/v1/` that nobody else has mounted. */
function handleElsewhere(request: IncomingMessage, response: ServerResponse): void {
  send(response, request.url === '/' ? noConsole : notUnderV1);
}

function otherMethod(method: string, { routes: found }: Found): Reply {
  const allow = ['Allow', ['OPTIONS', ...found.keys()].join(',')];
  return method === 'OPTIONS' ? text(200, '', allow) : text(405, `method ${method} not allowed`, allow);
}

/** Consul says all that went wrong as plain text; it has these codes for it. */
const statusOf: Readonly<Record<Exclude<FaultCode, 'internal' | 'cancelled'>, number>> = {
  invalid: 400,
  denied: 403,
  'not-found': 404,
  conflict: 409,
  'too-large': 413,
  unavailable: 503,
  timeout: 504,
  full: 507,
};

/** Throws what is no answer: defects, and clients that have gone. */
function faultReply(thrown: unknown): Reply {
  const fault = Fault.from(thrown);
  if (fault.code === 'internal' || fault.code === 'cancelled') throw thrown;
  return text(statusOf[fault.code], fault.message);
}
