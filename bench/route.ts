// `npm run bench -- route`: from sending a registration until the gateway answers for it.
import { Agent, createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { launchPortolan } from '@portolan/testkit/launch-portolan.ts';

const registrations = 300;

/** The status that the gateway gives for `host`. */
function status(port: number, host: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get({ port, host: '127.0.0.1', headers: { host }, agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    request.on('error', reject);
  });
}

export async function routeBench(): Promise<void> {
  const backend = createServer((_, response) => response.end('ok'));
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  const { port } = backend.address() as AddressInfo;
  await using server = await launchPortolan({ args: ['--gateway-workers', '2'] });
  const gateway = server.port('gateway');
  const agent = new Agent({ keepAlive: true });
  const times: number[] = [];
  for (let n = 0; n < registrations; n++) {
    const name = `svc${n}`;
    const body = JSON.stringify({ Name: name, Port: port, Tags: ['http'] });
    const start = performance.now();
    const response = await fetch(`${server.url}/v1/agent/service/register`, { method: 'PUT', body });
    if (!response.ok) throw new Error(await response.text());
    while ((await status(gateway, `${name}.localhost`, agent)) !== 200);
    times.push(performance.now() - start);
  }
  agent.destroy();
  backend.closeAllConnections();
  backend.close();
  times.sort((left, right) => left - right);
  const at = (share: number): string =>
    (times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0).toFixed(1);
  console.log(`route: ${registrations} services one after the other, LMDB store, 2 gateway workers`);
  console.log('| registration sent → 200 through the gateway | ms |\n| --- | --- |');
  for (const [name, share] of [
    ['p50', 0.5],
    ['p90', 0.9],
    ['p99', 0.99],
    ['max', 1],
  ] as const)
    console.log(`| ${name} | ${at(share)} |`);
}

if (import.meta.main) await routeBench();
