// `npm run check`: everything that can be said of the code without running it. Each step's whole output is shown if it fails.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const bin = (name: string): string => join(root, 'node_modules', '.bin', name);

const steps: readonly (readonly [title: string, command: string, args: readonly string[]])[] = [
  ['format and lint', bin('biome'), ['ci', '--error-on-warnings', '--colors=off', '.']],
  ['types', bin('tsc'), ['--noEmit', '--project', 'tsconfig.json']],
  ['types of core without Node', bin('tsc'), ['--noEmit', '--project', 'packages/core/tsconfig.json']],
  ['arrows', process.execPath, ['scripts/arrows.ts']],
  ['unused code', bin('knip'), []],
];

let failed = 0;
for (const [title, command, args] of steps) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  const passed = status === 0;
  console.log(`${passed ? 'ok  ' : 'FAIL'} ${title}`);
  if (passed) continue;
  failed++;
  console.log([stdout, stderr, error?.message].filter(Boolean).join('\n'));
}
process.exitCode = failed === 0 ? 0 : 1;
