import type { View } from '../../contract.ts';
import { jsonReply, reply } from '../../http/reply.ts';
import { type Call, type Handler, text } from './call.ts';
import { commonHeaders } from './headers.ts';
import { flag } from './query.ts';

/** One figure of the moment, by Consul's name for it. */
interface Gauge {
  readonly name: string;
  readonly help: string;
  readonly value: number;
}

/**
 * `GET /v1/agent/metrics`, with `?format=prometheus` as its text. The Portolan API has more: `/metrics`.
 * Source: https://developer.hashicorp.com/consul/api-docs/agent#view-metrics
 */
export const metrics: Handler = (call) => {
  const format = call.query.get('format') ?? '';
  const gauges = gaugesOf(call.context.engine.view, call.context.waiters.size);
  if (format === 'prometheus') return prometheus(gauges);
  if (format !== '') return text(400, `Unknown metric format ${JSON.stringify(format)}; use prometheus`);
  return asJson(call, gauges);
};

function gaugesOf(view: View, blockingQueries: number): readonly Gauge[] {
  const { catalog } = view;
  const memory = process.memoryUsage();
  let instances = 0;
  let services = 0;
  for (const service of catalog.services()) {
    services += 1;
    instances += service.size;
  }
  const gauge = (name: string, value: number, help: string): Gauge => ({ name, help, value });
  return [
    gauge('consul.runtime.alloc_bytes', memory.heapUsed, 'Bytes of the heap in use.'),
    gauge('consul.runtime.sys_bytes', memory.rss, 'Bytes of memory that the process holds.'),
    gauge('consul.server.isLeader', view.stale === undefined ? 1 : 0, '1 while the store is reached.'),
    gauge('consul.raft.appliedIndex', view.revision, 'The revision of the last change.'),
    gauge('consul.rpc.queries_blocking', blockingQueries, 'Blocking queries that wait.'),
    gauge('consul.state.nodes', count(catalog.nodes()), 'Nodes.'),
    gauge('consul.state.services', services, 'Services.'),
    gauge('consul.state.service_instances', instances, 'Instances.'),
    gauge('consul.state.kv_entries', count(catalog.kvPrefix('')), 'Keys.'),
  ];
}

function count(items: Iterable<unknown>): number {
  let size = 0;
  for (const _ of items) size += 1;
  return size;
}

function asJson(call: Call, gauges: readonly Gauge[]) {
  const timestamp = new Date(call.context.clock.wallMs()).toISOString();
  const value = {
    Timestamp: `${timestamp.slice(0, 19).replace('T', ' ')} +0000 UTC`,
    Gauges: gauges.map((gauge) => ({ Name: gauge.name, Value: gauge.value, Labels: {} })),
    Points: [],
    Counters: [],
    Samples: [],
  };
  return jsonReply(200, value, { pretty: flag(call.query, 'pretty'), headers: commonHeaders });
}

function prometheus(gauges: readonly Gauge[]) {
  const lines = gauges.flatMap(({ name, help, value }) => {
    const metric = name.replaceAll('.', '_');
    return [`# HELP ${metric} ${help}`, `# TYPE ${metric} gauge`, `${metric} ${value}`];
  });
  const type = ['Content-Type', 'text/plain; version=0.0.4; charset=utf-8'];
  return reply(200, [...type, ...commonHeaders], Buffer.from(`${lines.join('\n')}\n`));
}
