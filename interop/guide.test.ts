import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { busyboxRootFs } from '@portolan/testkit/busybox-image.ts';
import { requireDockerd } from '@portolan/testkit/launch-dockerd.ts';
import { findProgram, requireProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** A block of commands and the text that its last command must come to print. */
interface Step {
  readonly commands: string;
  readonly expected: readonly string[];
}

function stepsOf(guide: string): readonly Step[] {
  const blocks = [...guide.matchAll(/^```sh\n([\s\S]*?)^```\n```text\n([\s\S]*?)^```$/gm)];
  return blocks.map(([, commands = '', expected = '']) => ({
    commands,
    expected: expected.trim().split('\n'),
  }));
}

/** Everything but the last command of a block; a here-document is one command with its first line. */
function splitLast(commands: string): { before: string; last: string } {
  const lines = commands.trimEnd().split('\n');
  return { before: lines.slice(0, -1).join('\n'), last: lines.at(-1) ?? '' };
}

/** Each expected line stands in the output, and nothing else does, unless a line of its own says `…`. */
function matches(output: string, expected: readonly string[]): boolean {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const wanted = expected.filter((line) => line !== '…');
  if (wanted.length === expected.length && lines.length !== wanted.length) return false;
  return wanted.every((text) => {
    const parts = text.split('…').map((part) => part.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    const pattern = new RegExp(`^${parts.join('.*')}$`);
    return lines.some((line) => pattern.test(line));
  });
}

/**
 * The reader's machine: network, mounts and processes of its own, so that every port of the guide is free and `/var/run/docker.sock`
 * is the test's. All of it ends with the shell.
 */
function machineScript(image: string): string {
  return [
    'set -e',
    'mount -t tmpfs tmpfs /run && mkdir -p /run/lock',
    'mount -t proc proc /proc',
    'ip link set lo up',
    'ip link add docker0 type bridge && ip address add 172.29.0.1/24 dev docker0 && ip link set docker0 up',
    'mkdir docker',
    'dockerd --data-root $PWD/docker/data --exec-root $PWD/docker/exec --iptables=false --ip-masq=false --ip-forward=false > dockerd.log 2>&1 &',
    'for n in $(seq 300); do docker version > /dev/null 2>&1 && break; sleep 0.1; done',
    `docker import --change 'ENV PATH=/bin' ${image} busybox > /dev/null`,
    'set +e; echo MACHINE READY',
    // Each command arrives as a file; its output and exit code go back as files.
    'while read -r name; do ( . ./$name ) > $name.out 2>&1; echo $? > $name.code; echo "DONE $name"; done',
  ].join('\n');
}

test('the guide from Consul works as it is written', async (t) => {
  if (!requireDockerd(t)) return;
  for (const program of ['docker', 'nginx', 'dig', 'curl', 'unshare'])
    if (requireProgram(t, program) === undefined) return;
  const directory = tempDir('guide');
  const work = join(directory.path, 'reader');
  mkdirSync(work);
  const image = join(directory.path, 'image.tar');
  writeFileSync(image, busyboxRootFs(findProgram('busybox') ?? '/bin/busybox'));
  const script = join(directory.path, 'machine.sh');
  writeFileSync(script, machineScript(image));
  const bin = join(root, 'node_modules', '.bin');
  const shell = spawn('unshare', ['--net', '--mount', '--pid', '--fork', '--kill-child', 'bash', script], {
    cwd: work,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PATH: `${bin}:${process.env.PATH}:/usr/sbin:/sbin`,
      DOCKER_HOST: 'unix:///var/run/docker.sock',
    },
  });
  const exited = new Promise((resolve) => shell.on('exit', resolve));
  t.after(async () => {
    shell.kill('SIGKILL');
    await exited;
    unmountBelow(directory.path);
    directory.remove();
  });
  const talk = conversation(shell.stdout, shell.stderr);
  await talk.until('MACHINE READY');
  let commandNumber = 0;
  const run = async (command: string): Promise<string> => {
    const name = `command-${++commandNumber}`;
    writeFileSync(join(work, name), `${command}\n`);
    shell.stdin.write(`${name}\n`);
    await talk.until(`DONE ${name}\n`);
    return readFileSync(join(work, `${name}.out`), 'utf8');
  };
  const steps = stepsOf(readFileSync(join(root, 'docs/guides/from-consul.md'), 'utf8'));
  assert.ok(steps.length >= 9, `only ${steps.length} steps were found`);
  for (const { commands, expected } of steps) {
    const { before, last } = splitLast(commands);
    const first = before === '' ? '' : await run(before);
    let output = '';
    for (let attempt = 0; attempt < 100; attempt++) {
      output = await run(last);
      if (matches(output, expected)) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const state = matches(output, expected)
      ? ''
      : await run('docker ps -a; docker logs db; tail -n 5 server.log; cat template.log; portolan services');
    assert.ok(
      matches(output, expected),
      `${commands}\nprinted:\n${first}${output}\ninstead of:\n${expected.join('\n')}\n${state}`,
    );
  }
});

function conversation(...streams: readonly NodeJS.ReadableStream[]): { until(text: string): Promise<void> } {
  let heard = '';
  const waiting: (() => void)[] = [];
  for (const stream of streams) {
    stream.on('data', (chunk: Buffer) => {
      heard += chunk.toString('utf8');
      for (const wake of waiting.splice(0)) wake();
    });
    stream.on('close', () => {
      heard += '\nEND OF OUTPUT';
      for (const wake of waiting.splice(0)) wake();
    });
  }
  return {
    async until(text) {
      while (!heard.includes(text)) {
        if (heard.includes('END OF OUTPUT'))
          throw new Error(`the machine ended before it said ${text}:\n${heard}`);
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
  };
}

/** Layers of containers stay mounted in our own namespace where mounts are shared. */
function unmountBelow(path: string): void {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point.startsWith(`${path}/`))
    .sort()
    .reverse();
  for (const point of points) execFileSync('umount', ['-l', point]);
}
