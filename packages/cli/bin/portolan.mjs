#!/usr/bin/env node
// The `portolan` launcher. Plain JavaScript that any Node >= 18 can run: it looks for a runtime that is new enough (this
// one, or the Node 24 that the repository brings as a package) and hands over to it.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const neededMajor = 24;
const main = join(dirname(fileURLToPath(import.meta.url)), '..', 'src', 'main.ts');

function bundledNode() {
  const name = `node-${process.platform}-${process.arch}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return join(dirname(manifest), 'bin', 'node');
  } catch {
    return undefined;
  }
}

function handOver(node) {
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'];
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`portolan: cannot start ${node}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 128 + (constants.signals[signal] ?? 0);
  });
}

if (Number(process.versions.node.split('.')[0]) >= neededMajor) {
  await import(pathToFileURL(main).href);
} else {
  const node = bundledNode();
  if (node === undefined) {
    console.error(
      `portolan needs Node ${neededMajor} or newer; this is ${process.version}, and no bundled runtime was found for ` +
        `${process.platform}-${process.arch}. Install Node ${neededMajor}, or run "npm install" without --omit=optional.`,
    );
    process.exitCode = 1;
  } else {
    handOver(node);
  }
}
