import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';

// The watchers of `watch.ts`, in a process of their own: raw sockets, so that they cost less than what they measure.

export interface WatchLoad {
  readonly title: string;
  readonly watchers: number;
  /** The watchers are spread over them; each change is to the first one. */
  readonly services: number;
  readonly rounds: number;
  readonly port: number;
  readonly serverPid: number;
}

export interface WatchResult {
  readonly wokenPerChange: number;
  /** Answers to watchers of other services, in all rounds. */
  readonly wokenInVain: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly lastMs: number;
  readonly cpuMsPerChange: number;
  readonly rssBytesPerWatcher: number;
}

/** Between two changes, so that every watcher is back; one that is not counts all the same. */
const pauseMs = 500;
const connectBatch = 250;

class Watcher {
  readonly service: number;
  readonly #load: WatchLoad;
  readonly #onAnswer: (watcher: Watcher) => void;
  readonly #socket: Socket;
  #index = 0;
  #text = '';

  constructor(load: WatchLoad, service: number, onAnswer: (watcher: Watcher) => void) {
    this.service = service;
    this.#load = load;
    this.#onAnswer = onAnswer;
    this.#socket = connect({ port: load.port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk) => this.#read(chunk));
    this.#socket.on('close', () => fail('the server closed a watcher'));
    this.#socket.on('error', (error) => fail(error.message));
  }

  /** The next answer: the first at once, every later one when the service has moved. */
  ask(): void {
    const path = `/v1/health/service/s-${this.service}?index=${this.#index}&wait=300s`;
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${this.#load.port}\r\n\r\n`);
  }

  #read(chunk: Buffer): void {
    this.#text += chunk.toString('latin1');
    const end = this.#text.indexOf('\r\n\r\n');
    if (end === -1) return;
    if (!this.#text.startsWith('HTTP/1.1 200')) fail(this.#text.slice(0, 200));
    const head = this.#text.slice(0, end);
    if (this.#text.length < end + 4 + field(head, 'Content-Length: ')) return;
    this.#index = field(head, 'X-Consul-Index: ');
    this.#text = '';
    this.#onAnswer(this);
  }
}

function field(head: string, name: string): number {
  const at = head.indexOf(name);
  return at === -1 ? 0 : Number.parseInt(head.slice(at + name.length), 10);
}

function fail(reason: string): never {
  console.error(`watch bench: ${reason}`);
  process.exit(1);
}

async function register(load: WatchLoad, service: number, port: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${load.port}/v1/agent/service/register`, {
    method: 'PUT',
    body: JSON.stringify({
      Name: `s-${service}`,
      Address: '10.0.0.1',
      Port: port,
      Tags: ['http'],
      Meta: { version: 'v1' },
    }),
  });
  if (!response.ok) fail(await response.text());
}

async function run(load: WatchLoad): Promise<WatchResult> {
  for (let service = 0; service < load.services; service += 1) await register(load, service, 1);
  const rssBefore = rssBytes(load.serverPid);
  const answers = new Answers();
  const watchers: Watcher[] = [];
  while (watchers.length < load.watchers) {
    const wanted = Math.min(watchers.length + connectBatch, load.watchers);
    for (let at = watchers.length; at < wanted; at += 1) {
      const watcher = new Watcher(load, at % load.services, (answered) => answers.take(answered));
      watchers.push(watcher);
      watcher.ask();
    }
    await answers.until(watchers.length);
  }
  await sleep(pauseMs);
  const rssBytesPerWatcher = (rssBytes(load.serverPid) - rssBefore) / load.watchers;
  const expected = watchers.filter((watcher) => watcher.service === 0).length;
  const latencies: number[] = [];
  let inVain = 0;
  let cpuMs = 0;
  for (let round = 0; round < load.rounds; round += 1) {
    const cpuBefore = cpuMsOf(load.serverPid);
    answers.restart();
    const startMs = performance.now();
    await Promise.all([register(load, 0, round + 2), answers.until(expected)]);
    await sleep(pauseMs);
    cpuMs += cpuMsOf(load.serverPid) - cpuBefore;
    latencies.push(...answers.timesOf(0).map((time) => time - startMs));
    inVain += answers.count - answers.timesOf(0).length;
  }
  latencies.sort((left, right) => left - right);
  const at = (share: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return {
    wokenPerChange: latencies.length / load.rounds,
    wokenInVain: inVain,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    lastMs: at(1),
    cpuMsPerChange: cpuMs / load.rounds,
    rssBytesPerWatcher,
  };
}

/** When which watcher was answered; each asks again at once, as a real client does. */
class Answers {
  count = 0;
  #times: { readonly service: number; readonly atMs: number }[] = [];
  #wanted = Number.POSITIVE_INFINITY;
  #reached: () => void = () => {};

  take(watcher: Watcher): void {
    this.count += 1;
    this.#times.push({ service: watcher.service, atMs: performance.now() });
    watcher.ask();
    if (this.count >= this.#wanted) this.#reached();
  }

  async until(count: number): Promise<void> {
    if (this.count >= count) return;
    this.#wanted = count;
    await new Promise<void>((resolve) => {
      this.#reached = resolve;
    });
    this.#wanted = Number.POSITIVE_INFINITY;
  }

  restart(): void {
    this.count = 0;
    this.#times = [];
  }

  timesOf(service: number): number[] {
    return this.#times.filter((answer) => answer.service === service).map((answer) => answer.atMs);
  }
}

/** The server's resident memory, of the operating system. */
function rssBytes(pid: number): number {
  const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) * 1024;
}

/** User and system time in ticks of 10 ms (fields 14 and 15 of proc(5) stat). */
function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const work = process.argv[2];
if (work !== undefined && process.send !== undefined) {
  process.send(await run(JSON.parse(work) as WatchLoad));
}
