import { freePort } from './free-port.ts';
import { launchProgram, type Program, type TestScope } from './launch-program.ts';
import { findProgram } from './require-program.ts';
import { tempDir } from './temp-dir.ts';

export interface Etcd extends Program {
  /** `http://127.0.0.1:PORT` of the client listener. */
  readonly url: string;
  readonly port: number;
}

export interface EtcdOptions {
  readonly test?: TestScope;
  /** Further flags. */
  readonly args?: readonly string[];
  /** Keeps its data here, for a restart; default: a new directory that goes with it. */
  readonly dataDir?: string;
}

/** Starts a real etcd of one member, healthy when this resolves. */
export async function launchEtcd(options: EtcdOptions = {}): Promise<Etcd> {
  const directory = options.dataDir === undefined ? tempDir('etcd') : undefined;
  const [port, peerPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const program = await launchProgram({
    command: findProgram('etcd') ?? 'etcd',
    args: [
      ...['--name', 'one', '--data-dir', options.dataDir ?? directory?.path ?? ''],
      ...['--listen-client-urls', url, '--advertise-client-urls', url],
      ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
      ...['--initial-cluster', `one=${peerUrl}`, '--logger', 'zap'],
      ...(options.args ?? []),
    ],
    // Debian's service file sets ETCD_ variables; none of this machine's may leak in.
    env: { ETCD_UNSUPPORTED_ARCH: process.arch === 'arm64' ? 'arm64' : undefined },
    ready: async () => {
      const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(1_000) });
      return (await answer.text()).includes('true');
    },
    cleanUp: () => directory?.remove(),
    ...(options.test === undefined ? {} : { test: options.test }),
  });
  return Object.assign(program, { url, port });
}
