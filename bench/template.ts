// `npm run bench -- template`: from an acknowledged change to the file on disk, through `portolan template` beside the server.
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

/** Sends the change and resolves with the milliseconds until the file holds it. */
async function timeOne(url: string, file: string, folder: string, value: string): Promise<number> {
  const seen = new Promise<number>((resolve) => {
    const watcher = watch(folder, () => {
      if (!contains(file, value)) return;
      watcher.close();
      resolve(performance.now());
    });
  });
  const start = performance.now();
  await register(url, 's0', value);
  return (await seen) - start;
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
  const times: number[] = [];
  for (let n = 1; n <= changes; n++) {
    times.push(await timeOne(server.url, file, folder, `v${n}x`));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  times.sort((left, right) => left - right);
  const at = (share: number): string =>
    (times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0).toFixed(1);
  console.log(`template: ${services} services in one file, ${changes} changes, LMDB store`);
  console.log('| request sent → file on disk | ms |\n| --- | --- |');
  for (const [name, share] of [
    ['p50', 0.5],
    ['p90', 0.9],
    ['p99', 0.99],
    ['max', 1],
  ] as const)
    console.log(`| ${name} | ${at(share)} |`);
  directory.remove();
}

if (import.meta.main) await templateBench();
