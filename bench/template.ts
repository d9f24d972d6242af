// `npm run bench -- template`: from a change to the file on disk, through `portolan template` beside the server.
import { readFileSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchPortolan } from '@portolan/testkit/launch-portolan.ts';
import { launchProgram } from '@portolan/testkit/launch-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';

const portolan = fileURLToPath(new URL('../packages/cli/bin/portolan.mjs', import.meta.url));
const changes = 300;
const services = 50;
/** Changes stand alone: many in a row would be taken together. */
const pauseMs = 60;

interface Times {
  readonly fromRequest: number;
  readonly fromAnswer: number;
}

/** Sends the change and resolves with the milliseconds until the file holds it, from the request and from its answer. */
async function timeOne(url: string, file: string, folder: string, value: string): Promise<Times> {
  const seen = new Promise<number>((resolve) => {
    const watcher = watch(folder, () => {
      if (!contains(file, value)) return;
      watcher.close();
      resolve(performance.now());
    });
  });
  const start = performance.now();
  await register(url, 's0', value);
  const acknowledged = performance.now();
  const end = await seen;
  return { fromRequest: end - start, fromAnswer: Math.max(0, end - acknowledged) };
}

function contains(file: string, value: string): boolean {
  try {
    return readFileSync(file, 'utf8').includes(value);
  } catch {
    return false;
  }
}

async function register(url: string, name: string, version: string): Promise<void> {
  const body = JSON.stringify({ ID: name, Name: name, Port: 8000, Meta: { version } });
  const response = await fetch(`${url}/v1/agent/service/register`, { method: 'PUT', body });
  if (!response.ok) throw new Error(await response.text());
}

export async function templateBench(): Promise<void> {
  const directory = tempDir('bench-template');
  await using server = await launchPortolan({});
  for (let n = 0; n < services; n++) await register(server.url, `s${n}`, 'v0');
  const input = join(directory.path, 'in');
  const folder = join(directory.path, 'out');
  const file = join(folder, 'file');
  writeFileSync(
    input,
    '{{ range services }}{{ range service .Name }}{{ .Name }} {{ .ServiceMeta.version }}\n{{ end }}{{ end }}',
  );
  await using _runner = await launchProgram({
    command: process.execPath,
    args: [portolan, 'template', '-consul-addr', server.url, '-template', `${input}:${file}`],
    ready: () => contains(file, `s${services - 1}`),
  });
  const times: Times[] = [];
  for (let n = 1; n <= changes; n++) {
    times.push(await timeOne(server.url, file, folder, `v${n}x`));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  console.log(`template: ${services} services in one file, ${changes} changes, LMDB store`);
  console.log('| ms until the file is there | from the request | from its answer |\n| --- | --- | --- |');
  for (const [name, share] of [
    ['p50', 0.5],
    ['p90', 0.9],
    ['p99', 0.99],
    ['max', 1],
  ] as const) {
    const of = (key: keyof Times): string =>
      at(
        times.map((time) => time[key]),
        share,
      );
    console.log(`| ${name} | ${of('fromRequest')} | ${of('fromAnswer')} |`);
  }
  directory.remove();
}

function at(times: readonly number[], share: number): string {
  const sorted = times.toSorted((left, right) => left - right);
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
}

if (import.meta.main) await templateBench();
