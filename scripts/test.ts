// `npm test [-- PATH …]`: every test, or those under the given paths, with Node's own runner.
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const asked = process.argv.slice(2);
const everything = [
  'packages/*/src/**/*.test.ts',
  'examples/*/src/**/*.test.ts',
  'interop/**/*.test.ts',
  'scripts/**/*.test.ts',
];

const patterns =
  asked.length === 0
    ? everything
    : asked.map((path) => (path.endsWith('.ts') ? path : `${path}/**/*.test.ts`));
const files = globSync(patterns, { cwd: root }).sort();
if (files.length === 0) {
  console.error(`npm test: no test matches ${patterns.join(' ')}`);
  process.exit(1);
}

/** One test file may start real programs; more files at once than cores only makes them wait for each other. */
const concurrency = Math.max(2, Math.min(4, availableParallelism()));
/** Longer than any file takes on a slow machine; a hang is named instead of running into CI's limit. */
const fileTimeoutMs = 240_000;

const child = spawn(
  process.execPath,
  [
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${concurrency}`,
    `--test-timeout=${fileTimeoutMs}`,
    ...files,
  ],
  // The real programs of Debian's server packages are in sbin, which a user's PATH may lack.
  { cwd: root, stdio: 'inherit', env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } },
);
child.on('exit', (code, signal) => {
  process.exitCode = signal === null ? (code ?? 1) : 1;
});
