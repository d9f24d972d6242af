import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { followsDns } from '@portolan/server/outlets/nginx/followed-upstream.ts';
import { askNginx } from '@portolan/server/outlets/nginx/nginx-program.ts';
import { freePort } from '@portolan/testkit/free-port.ts';
import { launchPortolan, type Portolan } from '@portolan/testkit/launch-portolan.ts';
import { findProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';

/**
 * An nginx from 1.27.3 up: the system's, or the one that PORTOLAN_MODERN_NGINX names. Debian 12 and 13 have none, so that its absence is a
 * named skip under `CI=true` too.
 */
async function modernNginx(t: TestContext): Promise<string | undefined> {
  const binary = process.env.PORTOLAN_MODERN_NGINX ?? findProgram('nginx');
  const program = binary === undefined ? undefined : await askNginx(binary);
  if (program !== undefined && followsDns(program.version)) return program.path;
  t.skip('no nginx from 1.27.3 up is installed; PORTOLAN_MODERN_NGINX may name one');
  return undefined;
}

async function instance(
  t: TestContext,
  name: string,
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const server = createServer((_, response) => response.end(name));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  t.after(stop);
  return { port: (server.address() as AddressInfo).port, stop };
}

function ask(port: number): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'web.localhost' };
    request({ host: '127.0.0.1', port, headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    })
      .on('error', reject)
      .end();
  });
}

async function put(portolan: Portolan, path: string, body?: object): Promise<void> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(`${portolan.url}/v1/agent/service/${path}`, { method: 'PUT', ...sent });
  assert.equal(response.status, 200);
}

test('an nginx that follows DNS takes endpoint changes without a reload, and no request fails', {
  timeout: 90_000,
}, async (t) => {
  const binary = await modernNginx(t);
  if (binary === undefined) return;
  const directory = tempDir('nginx-resolve');
  t.after(() => directory.remove());
  const port = await freePort();
  const portolan = await launchPortolan({
    test: t,
    dataDir: directory.path,
    listen: ['gateway=off', 'gateway-tls=off', 'proxy-admin=off'],
    args: ['--nginx-run', '--nginx-listen', `127.0.0.1:${port}`, '--nginx-binary', binary],
  });
  const reloads = (): number => portolan.output().split('nginx runs the new configuration').length - 1;
  const add = async (name: string) => {
    const started = await instance(t, name);
    await put(portolan, 'register', {
      Name: 'web',
      ID: name,
      Port: started.port,
      Address: '127.0.0.1',
      Tags: ['http'],
    });
    return started;
  };
  await add('steady');
  await waitUntil(async () => (await ask(port)).body === 'steady', { what: 'the first instance to answer' });
  // The one without services, and the one with this.
  await waitUntil(() => reloads() === 2, { what: 'the reload to be seen' });
  const before = reloads();

  const failures: string[] = [];
  const seen = new Map<string, number>();
  let stopped = false;
  t.after(() => {
    stopped = true;
  });
  const client = async (): Promise<void> => {
    while (!stopped) {
      const { status, body } = await ask(port).catch((error: Error) => ({ status: 0, body: error.message }));
      if (status === 200) seen.set(body, (seen.get(body) ?? 0) + 1);
      else failures.push(`${status} ${body}`);
    }
  };
  const clients = [client(), client()];
  for (let round = 0; round < 5; round++) {
    const name = `guest-${round}`;
    const guest = await add(name);
    await waitUntil(() => seen.has(name), { what: `${name} to be asked` });
    await put(portolan, `deregister/${name}`);
    // It goes when it is asked no more: that is what draining is.
    let last = -1;
    await waitUntil(
      async () => {
        const count = seen.get(name) ?? 0;
        const rested = count === last;
        last = count;
        const others = [...seen.values()].reduce((sum, value) => sum + value, 0) - count;
        await waitUntil(
          () => [...seen.values()].reduce((sum, value) => sum + value, 0) - count > others + 50,
        );
        return rested;
      },
      { what: `${name} to be left alone` },
    );
    await guest.stop();
  }
  stopped = true;
  await Promise.all(clients);
  assert.deepEqual(failures, []);
  assert.equal(reloads(), before, 'no reload');
});
