// A proxy as one writes it with Node's own HTTP server and a well-known library: one process, kept-alive upstream connections, round robin.
//
//   node bench/gateway/node-peer.ts undici 8080 9001 9002

import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import replyFrom from '@fastify/reply-from';
import Fastify from 'fastify';
import httpProxy from 'http-proxy';
import { Pool } from 'undici';

const maxSockets = 128;

/** By turns. */
function turns<T>(all: readonly T[]): () => T {
  let turn = 0;
  return () => all[turn++ % all.length] as T;
}

const peers: Readonly<Record<string, (port: number, origins: readonly string[]) => Promise<void>>> = {
  async 'http-proxy'(port, origins) {
    const agent = new Agent({ keepAlive: true, maxSockets });
    const next = turns(origins.map((target) => httpProxy.createProxyServer({ target, agent, xfwd: true })));
    await listen(port, (request, response) => {
      next().web(request, response, {}, () => response.writeHead(502).end());
    });
  },

  async 'reply-from'(port, origins) {
    const app = Fastify();
    await app.register(replyFrom, { undici: { connections: maxSockets, pipelining: 1 } });
    const next = turns(origins);
    const rewriteRequestHeaders = (request: { ip?: string }, headers: Record<string, unknown>) => ({
      ...headers,
      'x-forwarded-for': request.ip ?? '127.0.0.1',
    });
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    app.all('/*', (request, reply) =>
      reply.from(`${next()}${request.url}`, { rewriteRequestHeaders: rewriteRequestHeaders as never }),
    );
    await app.listen({ port, host: '127.0.0.1' });
  },

  async undici(port, origins) {
    const next = turns(origins.map((origin) => new Pool(origin, { connections: maxSockets, pipelining: 1 })));
    await listen(port, (request, response) => {
      const { method = 'GET', url = '/', headers, socket } = request;
      const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, ...kept } = headers;
      const hasBody = method !== 'GET' && method !== 'HEAD';
      next().stream(
        {
          method: method as 'GET',
          path: url,
          headers: { ...kept, 'x-forwarded-for': socket.remoteAddress ?? '' },
          ...(hasBody ? { body: request } : {}),
        },
        ({ statusCode, headers: answered }) => {
          response.writeHead(statusCode, answered as Record<string, string>);
          return response;
        },
        (error) => {
          if (error !== null) response.destroy();
        },
      );
    });
  },
};

function listen(
  port: number,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<void> {
  const server = createServer(handle);
  server.keepAliveTimeout = 75_000;
  return new Promise((resolve) => server.listen(port, '127.0.0.1', 4_096, resolve));
}

const [kind = '', port = '', ...upstreams] = process.argv.slice(2);
const peer = peers[kind];
if (peer === undefined) throw new Error(`there is no peer ${kind}: ${Object.keys(peers).join(', ')}`);
await peer(
  Number(port),
  upstreams.map((one) => `http://127.0.0.1:${one}`),
);
console.log('listening');
