import type { Program } from '@portolan/testkit/launch-program.ts';
import type { DemoServer } from './server-process.ts';

const defaultServer = 'http://127.0.0.1:8500';
const victim = 'reviews-v2';

/**
 * What to try. Every line that is indented by four blanks is a command and works when pasted, in the repository's folder (a
 * test pastes them all); the others explain.
 */
export function printout(server: DemoServer, services: ReadonlyMap<string, Program>): string {
  const portolan = server.url === defaultServer ? '' : ` --server ${server.url}`;
  const blocks = [
    gatewayLines(server),
    dnsLines(server),
    [
      'Who is there, from the registry:',
      `    npx portolan services${portolan}`,
      `    npx portolan services reviews -o wide${portolan}`,
    ],
    [
      `Kill one of the three reviews; no request fails, and its check turns critical:`,
      `    kill -9 ${services.get(victim)?.pid}`,
      `    npx portolan services reviews${portolan}`,
      'Start it again, in another terminal; it gets its share of the traffic again:',
      `    npm run demo:service -- ${victim}${portolan}`,
    ],
    ['Ctrl-C here stops everything.'],
  ];
  const text = blocks
    .filter((block) => block.length > 0)
    .map((block) => `${block.join('\n')}\n`)
    .join('\n');
  return `\nBookinfo runs. In another terminal, in this folder:\n\n${text}`;
}

function gatewayLines({ listeners, gatewayDomain }: DemoServer): readonly string[] {
  const gateway = listeners.get('gateway');
  if (gateway === undefined) return [];
  const place = authority(gateway);
  return [
    `The page, through the gateway (in a browser: http://productpage.${gatewayDomain}:${gateway.port}/):`,
    `    curl -H 'Host: productpage.${gatewayDomain}' http://${place}/`,
    'The reviews alone; call it again and another version answers:',
    `    curl -H 'Host: reviews.${gatewayDomain}' http://${place}/reviews/0`,
  ];
}

function dnsLines({ listeners, dnsDomain }: DemoServer): readonly string[] {
  const dns = listeners.get('dns');
  if (dns === undefined) return [];
  return [
    'Where the reviews are, by DNS:',
    `    dig @${dns.address} -p ${dns.port} reviews.service.${dnsDomain} SRV`,
  ];
}

function authority({ address, port }: { address: string; port: number }): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
