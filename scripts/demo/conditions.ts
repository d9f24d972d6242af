import { request } from 'node:http';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import type { DemoServer } from './server-process.ts';

/** Passing instances that each service must have. */
const expected: ReadonlyMap<string, number> = new Map([
  ['productpage', 1],
  ['details', 1],
  ['reviews', 3],
  ['ratings', 1],
]);

/** A slow machine starts slowly; past this something is wrong. */
const timeoutMs = 60_000;

/** Resolves when every instance passes its check and the gateway reaches every service, or soon after `stop` aborts. */
export async function untilRouted(server: DemoServer, stop: AbortSignal): Promise<void> {
  for (const [service, count] of expected) {
    await waitUntil(async () => stop.aborted || (await passing(server, service)) >= count, {
      timeoutMs,
      everyMs: 100,
      what: `${count} passing instances of ${service}`,
    });
    if (!server.listeners.has('gateway')) continue;
    await waitUntil(async () => stop.aborted || (await statusThroughGateway(server, service)) === 200, {
      timeoutMs,
      everyMs: 100,
      what: `the gateway to reach ${service}`,
    });
  }
}

async function passing(server: DemoServer, service: string): Promise<number> {
  const response = await fetch(`${server.url}/v1/health/service/${service}?passing`);
  return ((await response.json()) as unknown[]).length;
}

/** `fetch` does not let the Host header be chosen. */
function statusThroughGateway(server: DemoServer, service: string): Promise<number | undefined> {
  const gateway = server.listeners.get('gateway');
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: gateway?.address,
        port: gateway?.port,
        path: '/health',
        headers: { host: `${service}.${server.gatewayDomain}` },
        agent: false,
      },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    );
    call.on('error', reject);
    call.end();
  });
}
