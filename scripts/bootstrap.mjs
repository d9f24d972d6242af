// Brings a fresh clone to where everything else runs, and runs it: npm's packages (the Node 24 runtime among them) and, with
// --system, the real programs that tests and benches start.
//
//   node scripts/bootstrap.mjs [--system] [SCRIPT [ARGUMENT …]]
//
// Plain JavaScript without dependencies: whatever Node runs npm runs this. SCRIPT then runs on the runtime that was installed.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Debian's package for each program, or file of one, that a test or a bench starts. */
const programs = {
  '/usr/lib/nginx/modules/ngx_stream_module.so': 'libnginx-mod-stream',
  busybox: 'busybox-static',
  curl: 'curl',
  dig: 'bind9-dnsutils',
  dnsperf: 'dnsperf',
  dockerd: 'docker.io',
  etcd: 'etcd-server',
  fish: 'fish',
  go: 'golang-go',
  haproxy: 'haproxy',
  ip: 'iproute2',
  nft: 'nftables',
  nginx: 'nginx-light',
  openssl: 'openssl',
  unbound: 'unbound',
  wrk: 'wrk',
  zsh: 'zsh',
};

const neededMajor = 24;
const words = process.argv.slice(2);
const system = words[0] === '--system';
const [script, ...scriptArguments] = system ? words.slice(1) : words;

installPackages();
if (system) installPrograms();
if (script !== undefined) runScript();

/** On the runtime that came with the packages; on this one where there is none for this platform. */
function runScript() {
  const bundled = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  const node = existsSync(bundled) ? bundled : process.execPath;
  if (node === process.execPath && Number(process.versions.node.split('.')[0]) < neededMajor) {
    console.error(
      `portolan needs Node ${neededMajor} or newer; this is ${process.version}, and there is no bundled runtime for ` +
        `${process.platform}-${process.arch}. Install Node ${neededMajor}.`,
    );
    process.exit(1);
  }
  const path = `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`;
  const child = spawn(node, [script, ...scriptArguments], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: path },
  });
  // A terminal sends Ctrl-C to every process of the group; once more would mean "now".
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 128 + osConstants.signals[signal];
  });
}

function installPackages() {
  if (packagesAreInstalled()) return;
  console.error('portolan: installing npm packages (once)');
  // The system's Node only has to run npm; the packages run on the one that comes with them.
  run('npm', ['ci', '--ignore-scripts', '--loglevel=error', '--engine-strict=false'], 'npm ci failed');
}

/** npm writes down what it installed: nothing is to be done when that is what the lock file asks for. */
function packagesAreInstalled() {
  const wanted = lockedPackages(join(root, 'package-lock.json'));
  const present = lockedPackages(join(root, 'node_modules', '.package-lock.json'));
  return Object.entries(wanted).every(([path, { version, optional, link }]) => {
    if (path === '' || !path.includes('node_modules/')) return true;
    const found = present[path];
    // A package for another platform is left out.
    if (found === undefined) return optional === true;
    return link === true ? found.link === true : found.version === version;
  });
}

function lockedPackages(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : {};
}

function installPrograms() {
  const missing = Object.keys(programs).filter((program) => !onPath(program));
  if (missing.length === 0) return;
  const packages = missing.map((program) => programs[program]);
  if (process.getuid?.() !== 0 || !onPath('apt-get')) {
    console.error(
      `portolan: not installed: ${missing.join(', ')}. Tests that need them are skipped by name ` +
        `(with CI=true they fail). On Debian, as root: apt-get install ${packages.join(' ')}`,
    );
    return;
  }
  console.error(`portolan: installing Debian packages: ${packages.join(' ')}`);
  withServicesOff(() => {
    run('apt-get', ['update', '-qq'], 'apt-get update failed');
    run(
      'apt-get',
      ['install', '-y', '-qq', '--no-install-recommends', ...packages],
      'apt-get install failed',
    );
  });
}

/** Debian starts a daemon as it installs it; the tests start their own, on free ports. */
function withServicesOff(install) {
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    install();
  } finally {
    if (ours) rmSync(policy, { force: true });
  }
}

function onPath(program) {
  if (program.startsWith('/')) return existsSync(program);
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function run(command, args, failure) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (status === 0) return;
  console.error(`portolan: ${failure}${error ? `: ${error.message}` : ` (exit ${status})`}`);
  process.exit(1);
}
