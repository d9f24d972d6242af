import type { IncomingMessage, ServerResponse } from 'node:http';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Diagnostic } from '@portolan/core/traffic/model.ts';
import type { Planner } from '@portolan/core/traffic/planner.ts';
import type { Context, Part, PartReadiness } from '../../contract.ts';
import { readBody } from '../../http/body.ts';
import { jsonReply, type Reply, send } from '../../http/reply.ts';
import { parseTarget } from '../../http/target.ts';
import { readLimits } from '../../rules/limits.ts';
import { maxBodyBytes } from './call.ts';
import { createCensus } from './census.ts';
import * as kv from './kv.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { live, metricsReply, readyReply } from './probes.ts';
import { faultReply, problemReply } from './problem.ts';
import * as read from './read.ts';
import * as resources from './resources.ts';
import { createRoutes, type Match, type Route } from './routes.ts';
import * as traffic from './traffic.ts';
import * as write from './write.ts';

export interface PortolanFrontendOptions {
  /** Every part of the server and what is wrong with it. */
  readonly readiness: () => readonly PartReadiness[];
  /** What the parts cannot do as asked, beside what the planner cannot. */
  readonly diagnostics: () => readonly Diagnostic[];
  /** An empty planner with the server's settings, for what is only tried. */
  readonly createPlanner: () => Planner;
}

const maxManifestBytes = readLimits.maxBytes;
const ofKind = '/portolan/v1/resources/:group/:version/:plural';
const ofResource = `${ofKind}/:namespace/:name`;

const api: readonly Route[] = [
  { method: 'GET', path: '/portolan/v1/status', handler: read.status },
  { method: 'GET', path: '/portolan/v1/listeners', handler: read.listeners },
  { method: 'GET', path: '/portolan/v1/diagnostics', handler: read.diagnostics },
  { method: 'GET', path: '/portolan/v1/services', handler: read.services },
  { method: 'GET', path: '/portolan/v1/services/:name', handler: read.service },
  { method: 'PUT', path: '/portolan/v1/instances/:service/:id', handler: write.register, body: true },
  { method: 'DELETE', path: '/portolan/v1/instances/:service/:id', handler: write.deregister },
  { method: 'PUT', path: '/portolan/v1/checks/:id', handler: write.reportCheck, body: true },
  { method: 'GET', path: '/portolan/v1/kv', handler: kv.list },
  { method: 'GET', path: '/portolan/v1/kv/*', handler: kv.get },
  { method: 'PUT', path: '/portolan/v1/kv/*', handler: kv.put, body: true },
  { method: 'DELETE', path: '/portolan/v1/kv/*', handler: kv.remove },
  { method: 'GET', path: '/portolan/v1/resources', handler: resources.kinds },
  { method: 'GET', path: ofKind, handler: resources.list },
  { method: 'GET', path: ofResource, handler: resources.get },
  { method: 'PUT', path: ofResource, handler: resources.put, body: true, maxBodyBytes: maxManifestBytes },
  { method: 'DELETE', path: ofResource, handler: resources.remove },
  { method: 'GET', path: `${ofResource}/history`, handler: resources.history },
  { method: 'GET', path: `${ofResource}/history/:revision`, handler: resources.historyAt },
  { method: 'POST', path: `${ofResource}/rollback`, handler: resources.rollBack },
  {
    method: 'POST',
    path: '/portolan/v1/apply',
    handler: resources.apply,
    body: true,
    maxBodyBytes: maxManifestBytes,
  },
  { method: 'GET', path: '/portolan/v1/routes', handler: traffic.routes },
  { method: 'POST', path: '/portolan/v1/explain', handler: traffic.explain, body: true },
];

const prefixes = ['/portolan/v1/', '/livez', '/healthz', '/readyz', '/version', '/metrics'];

/** Portolan's own API, its probes and its metrics: see README.md. */
export function portolanFrontend(context: Context, options: PortolanFrontendOptions): Part {
  const census = createCensus(context.engine, context.clock);
  const diagnostics = () => [...context.engine.view.diagnostics, ...options.diagnostics()];
  const metrics = createMetrics(context, census, () => diagnostics().length);
  const find = createRoutes([...api, ...probes(context, options, metrics)]);

  async function answer(request: IncomingMessage): Promise<Reply> {
    const target = request.url ?? '/';
    const mark = target.indexOf('?');
    const found = find(mark === -1 ? target : target.slice(0, mark));
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const match = found.find(({ route }) => route.method === method);
    if (match === undefined) return nothingFor(request, found);
    const body =
      match.route.body === true ? await readBody(request, match.route.maxBodyBytes ?? maxBodyBytes) : noBody;
    const { query } = parseTarget(target);
    const { createPlanner } = options;
    return match.route.handler({
      ...{ context, census, diagnostics, createPlanner },
      ...{ params: match.params, query, body },
    });
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let reply: Reply;
    try {
      reply = await answer(request);
    } catch (thrown) {
      reply = faultReply(thrown);
      // Where a body was too large, what is left of it is read no further than `leftover.ts` says.
      if (!request.complete) response.shouldKeepAlive = false;
    }
    send(response, reply);
  }

  for (const prefix of prefixes) context.http.mount(prefix, handle);

  return {
    name: 'portolan',
    async start() {},
    async stop() {
      metrics.close();
    },
  };
}

const noBody = Buffer.alloc(0);

function probes(context: Context, options: PortolanFrontendOptions, metrics: Metrics): readonly Route[] {
  const { version } = context.identity;
  return [
    { method: 'GET', path: '/livez', handler: () => live },
    { method: 'GET', path: '/healthz', handler: () => live },
    {
      method: 'GET',
      path: '/readyz',
      handler: ({ query }) => readyReply(options.readiness(), query.has('verbose')),
    },
    { method: 'GET', path: '/version', handler: () => jsonReply(200, { version, runtime: process.version }) },
    {
      method: 'GET',
      path: '/metrics',
      handler: async () => metricsReply(metrics.contentType, await metrics.text()),
    },
  ];
}

function nothingFor(request: IncomingMessage, found: readonly Match[]): Reply {
  if (found.length === 0) return problemReply(new Fault('not-found', 'There is nothing at this path.'));
  const allow = found.map(({ route }) => route.method).join(', ');
  return problemReply(
    new Fault('invalid', `${request.method} is not possible here, only ${allow}.`),
    ['Allow', allow],
    405,
  );
}
