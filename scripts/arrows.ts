// Holds every import against the design's arrows and against the package.json of the package it stands in.
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { arrowProblem, importsOf, type Packages, packageProblem } from './arrow-rules.ts';

const root = join(import.meta.dirname, '..');
/** A checker that saw nothing would pass everything. */
const fewestFiles = 40;

const files = globSync(
  [
    'packages/*/{src,bin}/**/*.{ts,tsx,mjs}',
    'examples/*/src/**/*.ts',
    '{interop,bench,scripts}/**/*.{ts,mjs}',
  ],
  {
    cwd: root,
  },
).sort();

const problems = files.flatMap(problemsOf);
if (files.length < fewestFiles) problems.push(`only ${files.length} files were seen: the globs are wrong`);
for (const problem of problems) console.error(problem);
console.log(`${files.length} files, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;

function problemsOf(file: string): string[] {
  const source = readFileSync(join(root, file), 'utf8');
  return importsOf(source).flatMap((specifier) => {
    const target = specifier.startsWith('.')
      ? relative(root, join(root, dirname(file), specifier))
      : specifier;
    const problem = arrowProblem(file, target) ?? packageProblem(file, target, packages());
    return problem === undefined ? [] : [`${file}: imports ${specifier}: ${problem}`];
  });
}

function packages(): Packages {
  return {
    manifest(folder) {
      return JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    },
  };
}
