import { once } from 'node:events';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestScope } from './plane-rig.ts';

/** An HTTP server of a test, which says its name. */
export interface Upstream {
  readonly name: string;
  readonly port: number;
  /** Requests that came, those of checks (`/health`) apart. */
  requests: number;
  /** Requests to `/health`. */
  checks: number;
  /** Under way now, and most at once. */
  active: number;
  most: number;
  /** What it answers from now on. */
  behave(how: Behaviour): void;
  /** Closes its port and its connections, as a process that is killed. */
  kill(): Promise<void>;
  /** On the same port again. */
  revive(): Promise<void>;
}

export interface Behaviour {
  readonly status?: number;
  readonly delayMs?: number;
  /** Answers nothing at all. */
  readonly silent?: boolean;
  /** Of `/health`; default 200. */
  readonly health?: number;
}

export async function startUpstream(test: TestScope, name: string, how: Behaviour = {}): Promise<Upstream> {
  let now = how;
  const server = http.createServer((request, response) => {
    if (request.url === '/health') {
      upstream.checks++;
      response.writeHead(now.health ?? 200).end();
      return;
    }
    upstream.requests++;
    upstream.active++;
    upstream.most = Math.max(upstream.most, upstream.active);
    response.on('close', () => upstream.active--);
    request.resume();
    if (now.silent === true) return;
    const { status = 200, delayMs = 0 } = now;
    const answer = (): void => {
      response.writeHead(status, { 'X-Upstream': name }).end(name);
    };
    if (delayMs === 0) request.on('end', answer);
    else setTimeout(answer, delayMs);
  });
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const kill = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const upstream: Upstream = {
    ...{ name, port, requests: 0, checks: 0, active: 0, most: 0, kill },
    behave: (next) => {
      now = next;
    },
    revive: () => listen(port),
  };
  test.after(kill);
  return upstream;
}

export interface Answer {
  readonly status: number;
  readonly upstream: string;
  readonly headers: http.IncomingHttpHeaders;
}

/** One request to a gateway; status 0 when it broke off. */
export function ask(
  port: number,
  options: {
    path?: string;
    method?: string;
    headers?: Readonly<Record<string, string>>;
    body?: string;
    agent?: http.Agent;
  } = {},
): Promise<Answer> {
  const { path = '/', method = 'GET', headers = {}, agent } = options;
  return new Promise((resolve) => {
    const request = http.request(
      {
        ...{ port, host: '127.0.0.1', path, method, headers: { Host: 'web.test', ...headers } },
        ...(agent === undefined ? { agent: false } : { agent }),
      },
      (response) => {
        response.resume();
        const upstream = response.headers['x-upstream'] ?? '';
        const { statusCode: status = 0, headers: fields } = response;
        response.on('end', () => resolve({ status, upstream: String(upstream), headers: fields }));
        response.on('error', () => resolve({ status: 0, upstream: '', headers: {} }));
      },
    );
    request.on('error', () => resolve({ status: 0, upstream: '', headers: {} }));
    request.end(options.body);
  });
}

/** So many requests, `atOnce` at a time. */
export async function askMany(
  port: number,
  count: number,
  options: Parameters<typeof ask>[1] & {
    atOnce?: number;
    headersOf?: (index: number) => Record<string, string>;
  } = {},
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      const headers = { ...options.headers, ...options.headersOf?.(index) };
      answers[index] = await ask(port, { ...options, headers });
    }
  };
  await Promise.all(Array.from({ length: options.atOnce ?? 1 }, worker));
  return answers;
}

/** How many answers each upstream gave. */
export function shares(answers: readonly Answer[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { upstream, status } of answers) {
    const key = upstream || String(status);
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}
