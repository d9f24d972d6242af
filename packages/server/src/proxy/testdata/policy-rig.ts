import { once } from 'node:events';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Cluster, Route, RoutePolicies, TrafficMessage } from '@portolan/core/traffic/model.ts';
import { edgeTable } from '@portolan/core/traffic/route.ts';
import { cluster, endpoint, modelOf, retryTwice, type TestScope } from './plane-rig.ts';

/** A request as an upstream saw it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface EchoUpstream {
  readonly port: number;
  readonly seen: Seen[];
}

/** An upstream that notes what comes, and answers as `answer` says; default: 200 and its name. */
export async function echoUpstream(
  test: TestScope,
  name: string,
  answer: (request: Seen) => {
    status?: number;
    headers?: http.OutgoingHttpHeaders;
    body?: string;
  } = () => ({}),
): Promise<EchoUpstream> {
  const seen: Seen[] = [];
  const server = http.createServer((request, response) => {
    let body = '';
    request.setEncoding('latin1').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = { method, url, headers, body };
      seen.push(one);
      const { status = 200, headers: fields = {}, body: text = name } = answer(one);
      response.writeHead(status, fields).end(text);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

/** A model with one host, `a.test`, of these routes; each names the clusters that it needs. */
export function modelWith(
  clusters: readonly Cluster[],
  ...routes: readonly (Partial<Route> & { policies?: RoutePolicies })[]
): TrafficMessage {
  const model = modelOf({});
  const whole = routes.map(
    (route, index): Route => ({
      name: `route/${index}`,
      match: { path: { type: 'prefix', value: '/' } },
      action: { type: 'forward', targets: [{ weight: 1, cluster: clusters[0]?.name ?? 'none' }] },
      timeoutMs: 0,
      retry: retryTwice,
      ...route,
    }),
  );
  const host = { name: 'a', domains: ['a.test'], table: edgeTable, routes: whole };
  return { ...model, virtualHosts: { put: [host], remove: [] }, clusters: { put: clusters, remove: [] } };
}

export function clusterAt(name: string, ...ports: readonly number[]): Cluster {
  return cluster(
    name,
    ports.map((port) => endpoint(port)),
  );
}

export interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** One request to a gateway, on a connection of its own; status 0: it broke off. */
export function request(
  port: number,
  path = '/',
  options: { method?: string; headers?: http.OutgoingHttpHeaders; body?: string } = {},
): Promise<Reply> {
  const { method = 'GET', headers = {}, body } = options;
  return new Promise((resolve) => {
    const broken = (): void => resolve({ status: 0, headers: {}, body: '' });
    const asked = http.request(
      { port, host: '127.0.0.1', agent: false, path, method, headers: { host: 'a.test', ...headers } },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (more: string) => {
          text += more;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
        response.on('error', broken);
      },
    );
    asked.on('error', broken);
    asked.end(body);
  });
}
