import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** As much of Consul's HTTP API as the client's tests need, with handles on what a real one does by itself. */
export interface FakeRegistry {
  readonly url: string;
  readonly instances: Map<string, FakeInstance>;
  /** Every request line so far: `PUT /v1/agent/service/register`. */
  readonly requests: readonly string[];
  /** Changes what is registered and wakes blocked reads. */
  change(edit: () => void): void;
  /** Blocked reads right now. */
  readonly blocked: number;
  /** Answers the next requests with this status, until called with undefined. */
  failWith(status: number | undefined): void;
  /** Goes away, connections and all; `start` brings it back on the same port. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export interface FakeInstance {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly meta: unknown;
  status: string;
}

export async function fakeRegistry(): Promise<FakeRegistry> {
  const instances = new Map<string, FakeInstance>();
  const requests: string[] = [];
  const changed = new EventEmitter().setMaxListeners(0);
  let index = 10;
  let blocked = 0;
  let failure: number | undefined;
  let port = 0;
  let server = createServer();

  const change = (edit: () => void): void => {
    edit();
    index += 1;
    changed.emit('change');
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://registry');
    requests.push(`${request.method} ${url.pathname}`);
    const chunks = await request.toArray();
    if (failure !== undefined) {
      response.writeHead(failure).end('the fake was told to fail');
      return;
    }
    const [, , area, what, ...rest] = url.pathname.split('/').map(decodeURIComponent);
    const id = rest.at(-1) ?? '';
    if (area === 'health') await readHealth(id, url, response);
    else if (what === 'service' && rest[0] === 'register') {
      change(() => add(JSON.parse(Buffer.concat(chunks).toString())));
      response.end();
    } else if (what === 'service' && rest[0] === 'deregister') {
      const known = instances.has(id);
      change(() => void instances.delete(id));
      response.writeHead(known ? 200 : 404).end();
    } else if (what === 'service') {
      response.writeHead(instances.has(id) ? 200 : 404).end('{}');
    } else if (what === 'check') {
      const instance = instances.get(id.replace('service:', ''));
      if (instance === undefined) response.writeHead(404).end(`Unknown check ID "${id}".`);
      else {
        const status = rest[0] === 'pass' ? 'passing' : rest[0] === 'warn' ? 'warning' : 'critical';
        if (instance.status !== status) {
          change(() => {
            instance.status = status;
          });
        }
        response.end();
      }
    } else response.writeHead(404).end('the fake knows no such path');
  }

  function add(definition: {
    ID: string;
    Name: string;
    Address?: string;
    Port?: number;
    Tags?: string[];
    Meta?: unknown;
    Checks?: unknown[];
  }): void {
    instances.set(definition.ID, {
      name: definition.Name,
      address: definition.Address ?? '127.0.0.1',
      port: definition.Port ?? 0,
      tags: definition.Tags ?? [],
      meta: definition.Meta ?? {},
      status: (definition.Checks ?? []).length > 0 ? 'critical' : 'passing',
    });
  }

  async function readHealth(service: string, url: URL, response: ServerResponse): Promise<void> {
    if (Number(url.searchParams.get('index') ?? 0) >= index) {
      blocked += 1;
      const gone = new AbortController();
      response.once('close', () => gone.abort());
      await once(changed, 'change', { signal: gone.signal }).catch(() => {});
      blocked -= 1;
    }
    const entries = Array.from(instances)
      .filter(([, { name, status }]) => name === service && status === 'passing')
      .map(([ID, one]) => ({
        Node: { Node: 'n1', Address: '127.0.0.1' },
        Service: {
          ID,
          Service: one.name,
          Address: one.address,
          Port: one.port,
          Tags: one.tags,
          Meta: one.meta,
        },
        Checks: [{ CheckID: `service:${ID}`, Name: 'check', Status: one.status, Output: '' }],
      }));
    response.setHeader('x-consul-index', index).end(JSON.stringify(entries));
  }

  async function start(): Promise<void> {
    server = createServer((request, response) => void answer(request, response));
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  }

  await start();
  return {
    url: `http://127.0.0.1:${port}`,
    instances,
    requests,
    change,
    get blocked() {
      return blocked;
    },
    failWith(status) {
      failure = status;
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
    start,
  };
}
