import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Peer } from './peers.ts';
import { cpuMicroseconds, figure } from './scope.ts';

const run = promisify(execFile);

export interface Scenario {
  readonly name: string;
  readonly path: string;
  readonly connections: number;
  /** Lines of a wrk script. */
  readonly script?: string;
  /** Default: in clear. `h2`: HTTP/2 over TLS, 16 streams on each connection, by h2load. */
  readonly over?: 'tls' | 'h2';
}

export interface Run {
  readonly requestsPerSecond: number;
  readonly cpuMicroseconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly errors: string;
}

const streamsPerConnection = 16;

/** As many requests as the proxy takes, for so long. */
export async function load(scenario: Scenario, peer: Peer, seconds: number, directory: string): Promise<Run> {
  const before = cpuMicroseconds(peer.pids);
  const result =
    scenario.over === 'h2'
      ? await h2load(scenario, peer, seconds)
      : await wrk(scenario, peer, seconds, directory);
  return { ...result, cpuMicroseconds: (cpuMicroseconds(peer.pids) - before) / result.requests };
}

interface Counted extends Omit<Run, 'cpuMicroseconds'> {
  readonly requests: number;
}

async function wrk(scenario: Scenario, peer: Peer, seconds: number, directory: string): Promise<Counted> {
  const script = join(directory, 'load.lua');
  writeFileSync(script, `wrk.headers["Host"] = "web.localhost"\n${scenario.script ?? ''}\n`);
  const origin =
    scenario.over === 'tls' ? `https://127.0.0.1:${peer.tlsPort}` : `http://127.0.0.1:${peer.port}`;
  const { stdout } = await run('wrk', [
    ...['-t1', `-c${scenario.connections}`, `-d${seconds}s`, '--latency', '-s', script],
    `${origin}${scenario.path}`,
  ]);
  return {
    requests: figure(stdout, /([0-9]+) requests in/),
    requestsPerSecond: figure(stdout, /Requests\/sec:\s+([0-9.]+)/),
    p50Ms: milliseconds(stdout, '50%'),
    p99Ms: milliseconds(stdout, '99%'),
    errors: /Socket errors:.*|Non-2xx.*/.exec(stdout)?.[0] ?? '',
  };
}

async function h2load(scenario: Scenario, peer: Peer, seconds: number): Promise<Counted> {
  const { stdout } = await run('h2load', [
    ...['-t1', `-c${scenario.connections}`, `-m${streamsPerConnection}`, '-D', String(seconds)],
    ...['--connect-to', `127.0.0.1:${peer.tlsPort}`],
    `https://web.localhost:${peer.tlsPort}${scenario.path}`,
  ]);
  const failed = figure(stdout, /, (\d+) failed/) + figure(stdout, /(\d+) 4xx/) + figure(stdout, /(\d+) 5xx/);
  return {
    requests: figure(stdout, /(\d+) succeeded/),
    requestsPerSecond: figure(stdout, /finished in [^,]+, ([0-9.]+) req\/s/),
    p50Ms: Number.NaN,
    p99Ms: Number.NaN,
    errors: failed === 0 ? '' : `${failed} failed`,
  };
}

function milliseconds(output: string, percentile: string): number {
  const [, value = '0', unit = 'ms'] = new RegExp(`${percentile}\\s+([0-9.]+)(us|ms|s)`).exec(output) ?? [];
  return Number(value) * { us: 0.001, ms: 1, s: 1_000 }[unit as 'us' | 'ms' | 's'];
}

/** The 99th percentile in milliseconds at a rate that is held whatever the proxy does, on 64 connections. */
export async function latencyAt(
  peer: Peer,
  requestsPerSecond: number,
  seconds: number,
  directory: string,
): Promise<{ readonly p50Ms: number; readonly p99Ms: number; readonly requestsPerSecond: number }> {
  const connections = 64;
  const log = join(directory, 'h2load.log');
  writeFileSync(log, '');
  await run('h2load', [
    ...['--h1', '-t1', `-c${connections}`, '-D', String(seconds), '--log-file', log],
    `--rps=${(requestsPerSecond / connections).toFixed(1)}`,
    ...['--connect-to', `127.0.0.1:${peer.port}`, `http://web.localhost:${peer.port}/small`],
  ]);
  // Start in microseconds, status, duration in microseconds.
  const durations = readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => Number(line.split('\t')[2]) / 1_000)
    .sort((left, right) => left - right);
  const at = (share: number): number => durations[Math.floor(durations.length * share)] ?? Number.NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99), requestsPerSecond: durations.length / seconds };
}

/** So many connections that have asked once and are kept. The returned function closes them. */
export async function idleConnections(port: number, count: number): Promise<() => void> {
  const sockets: Socket[] = [];
  const batch = 250;
  for (let opened = 0; opened < count; opened += batch) {
    const size = Math.min(batch, count - opened);
    sockets.push(...(await Promise.all(Array.from({ length: size }, () => askOnce(port)))));
  }
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

function askOnce(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write('GET /small HTTP/1.1\r\nHost: web.localhost\r\n\r\n');
    });
    socket.once('data', () => resolve(socket));
    socket.on('error', reject);
  });
}
