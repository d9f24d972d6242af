import { fileURLToPath } from 'node:url';
import { launchProgram, type Program, type TestScope } from './launch-program.ts';
import { tempDir } from './temp-dir.ts';

export interface PortolanOptions {
  readonly test?: TestScope;
  /** Further flags of `portolan server`. Listeners go into `listen`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Keeps its data here, for a restart; default: a new directory that goes with it. */
  readonly dataDir?: string;
  /** `NAME=ADDR:PORT` or `NAME=off`; default, listener by listener: 127.0.0.1 and a free port. */
  readonly listen?: readonly string[];
}

export interface Portolan extends Program {
  /** Of the `http` listener, without a slash at the end: what `PORTOLAN_SERVER` takes. */
  readonly url: string;
  /** The port of a listener, as the banner told it. Throws for one that is off. */
  port(listener: string): number;
  /** `--listen` flags that put a next start on the same ports. */
  readonly samePorts: readonly string[];
  readonly dataDir: string;
}

const launcher = fileURLToPath(new URL('../../cli/bin/portolan.mjs', import.meta.url));
const listeners = ['http', 'dns', 'gateway', 'proxy-admin'];
const bannerLine = /^ {2}(\S+)\s+(\[[^\]]+\]|[\d.]+):(\d+)\s/gm;

/** Starts a real `portolan server`, ready when this resolves. The workers of its gateway end with it. */
export async function launchPortolan(options: PortolanOptions = {}): Promise<Portolan> {
  const directory = options.dataDir === undefined ? tempDir('server') : undefined;
  const dataDir = options.dataDir ?? directory?.path ?? '';
  const given = options.listen ?? [];
  const others = listeners.filter((name) => !given.some((bind) => bind.startsWith(`${name}=`)));
  const listen = [...given, ...others.map((name) => `${name}=127.0.0.1:0`)];
  const program = await launchProgram({
    command: process.execPath,
    args: [
      ...[launcher, 'server', '--data-dir', dataDir],
      ...listen.flatMap((bind) => ['--listen', bind]),
      ...(options.args ?? []),
    ],
    ready: /^Ready in /m,
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.test === undefined ? {} : { test: options.test }),
    cleanUp: () => directory?.remove(),
  });
  const binds = new Map(
    Array.from(program.output().matchAll(bannerLine), ([, name = '', address = '', port = '']) => [
      name,
      { address, port: Number(port) },
    ]),
  );
  const port = (listener: string): number => {
    const bind = binds.get(listener);
    if (bind === undefined) throw new Error(`this server has no listener "${listener}"`);
    return bind.port;
  };
  const samePorts = [...binds].map(([name, bind]) => `${name}=${bind.address}:${bind.port}`);
  const http = binds.get('http');
  const url = http === undefined ? '' : `http://${http.address}:${http.port}`;
  return Object.assign(program, { url, port, samePorts, dataDir });
}
