import { get, type IncomingMessage } from 'node:http';
import { fileURLToPath } from 'node:url';
import { launchProgram, type Program, type TestScope } from '@portolan/testkit/launch-program.ts';

/** The launcher that a user starts. */
export const portolanBin = fileURLToPath(new URL('../packages/cli/bin/portolan.mjs', import.meta.url));

export interface PortolanProcess {
  readonly program: Program;
  /** `http://127.0.0.1:PORT` of the http listener. */
  readonly http: string;
  readonly ports: Readonly<Record<'http' | 'dns' | 'gateway' | 'proxy-admin', number>>;
}

export interface PortolanOptions {
  readonly dataDir: string;
  /** After `server` and the listeners. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** The arguments of a server on free ports, with one worker: as small as the whole can be. */
export function serverArgs({ dataDir, args = [] }: PortolanOptions): string[] {
  const listen = ['http', 'dns', 'gateway', 'proxy-admin'].flatMap((name) => [
    '--listen',
    `${name}=127.0.0.1:0`,
  ]);
  return [portolanBin, 'server', '--data-dir', dataDir, '--gateway-workers', '1', ...listen, ...args];
}

/** Starts `portolan server` as its own process, waits for its banner, and reads the real ports out of it. */
export async function startPortolan(test: TestScope, options: PortolanOptions): Promise<PortolanProcess> {
  const program = await launchProgram({
    command: process.execPath,
    args: serverArgs(options),
    ready: /^Ready in .*$/m,
    readyTimeoutMs: 30_000,
    test,
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  const banner = program.output();
  const portOf = (name: string) =>
    Number(new RegExp(`^ {2}${name} +127\\.0\\.0\\.1:(\\d+)`, 'm').exec(banner)?.[1]);
  const ports = {
    http: portOf('http'),
    dns: portOf('dns'),
    gateway: portOf('gateway'),
    'proxy-admin': portOf('proxy-admin'),
  };
  return { program, ports, http: `http://127.0.0.1:${ports.http}` };
}

/** A GET through the gateway: fetch would not let the `Host` be ours. */
export function throughGateway(
  port: number,
  host: string,
  path = '/',
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = get({ port, host: '127.0.0.1', path, headers: { host }, agent: false });
    request.on('error', reject);
    request.on('response', (response: IncomingMessage) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
  });
}
