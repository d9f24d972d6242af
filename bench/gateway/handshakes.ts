import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { makeCertificate, startGateway, startHaproxy, startNginx, startUpstreams } from './peers.ts';
import { cpuMicroseconds, figure, median, Scope } from './scope.ts';

const run = promisify(execFile);
const seconds = 3;
const rounds = 3;

const kinds: Readonly<Record<string, readonly string[]>> = {
  'TLS 1.3, in full': ['-new', '-tls1_3'],
  'TLS 1.2, in full': ['-new', '-tls1_2'],
  'TLS 1.2, resumed': ['-reuse', '-tls1_2'],
};

/** What a TLS handshake costs: `openssl s_time`, one connection after another, one worker each, ECDSA P-256. */
export async function handshakesBench(): Promise<void> {
  if (findProgram('openssl') === undefined) throw new Error('openssl must be installed');
  const scope = new Scope();
  const directory = tempDir('bench-handshakes');
  try {
    const certificate = await makeCertificate(directory.path);
    const upstreams = await startUpstreams(scope);
    const context = { scope, directory: directory.path, upstreams, certificate };
    const started = [await startNginx(context), await startHaproxy(context), await startGateway(context)];
    const peers = started.filter((peer) => typeof peer !== 'string');
    for (const [kind, args] of Object.entries(kinds)) {
      const rows: Record<string, Record<string, string>> = {};
      for (const { name, tlsPort, pids } of peers) {
        const costs: number[] = [];
        const rates: number[] = [];
        for (let round = 0; round < rounds; round++) {
          const before = cpuMicroseconds(pids);
          const connect = ['-connect', `127.0.0.1:${tlsPort}`, '-time', String(seconds)];
          // Not every peer speaks every version.
          const { stdout } = await run('openssl', ['s_time', ...connect, ...args]).catch(() => ({
            stdout: '',
          }));
          if (stdout === '') break;
          const count = figure(stdout, /([0-9]+) connections in [0-9]+ real seconds/);
          costs.push((cpuMicroseconds(pids) - before) / count);
          rates.push(count / seconds);
        }
        if (costs.length === 0) continue;
        rows[name] = {
          'CPU µs/handshake': median(costs).toFixed(0),
          'handshakes/s': median(rates).toFixed(0),
        };
      }
      console.log(`\n${kind}, median of ${rounds} runs of ${seconds} s`);
      console.table(rows);
    }
  } finally {
    await scope.end();
    directory.remove();
  }
}
