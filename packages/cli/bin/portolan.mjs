#!/usr/bin/env node
// The `portolan` launcher. Plain JavaScript that any Node >= 18 can run: it looks for a runtime that is new enough (this
// one, or the Node 24 that the repository brings as a package) and hands over to it.
import { spawn } from 'node:child_process';
import * as module from 'node:module';
import { constants, homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const neededMajor = 24;
const here = dirname(fileURLToPath(import.meta.url));

function bundledNode() {
  const name = `node-${process.platform}-${process.arch}`;
  try {
    const manifest = module.createRequire(import.meta.url).resolve(`${name}/package.json`);
    return join(dirname(manifest), 'bin', 'node');
  } catch {
    return undefined;
  }
}

/**
 * Compiled code is kept in the user's own cache folder: a command then starts in a third of the time. Never in the shared
 * /tmp, where somebody else could have put code first. Where it cannot be written, nothing is kept.
 */
function keepCompiledCode() {
  if (process.env.NODE_COMPILE_CACHE !== undefined) return;
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  module.enableCompileCache(join(cache, 'portolan', 'code'));
}

function handOver(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => child.kill(signal));
  process.on('SIGINT', () => {
    // Ctrl-C reaches the child by itself, and a second one would cut its drain short.
    if (!process.stdin.isTTY) child.kill('SIGINT');
  });
  child.on('error', (error) => {
    console.error(`portolan: cannot start ${node}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 128 + (constants.signals[signal] ?? 0);
  });
}

if (Number(process.versions.node.split('.')[0]) >= neededMajor) {
  keepCompiledCode();
  await import(pathToFileURL(join(here, '..', 'src', 'main.ts')).href);
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
