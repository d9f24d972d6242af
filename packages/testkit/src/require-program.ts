import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'node:test';

/** The full path of a program, or undefined where it is not installed. Looks into `sbin` too: a user's PATH often lacks it. */
export function findProgram(name: string): string | undefined {
  const directories = (process.env.PATH ?? '')
    .split(delimiter)
    .concat('/usr/local/sbin', '/usr/sbin', '/sbin');
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The path of a foreign program that a test cannot do without. Where it is missing, the test is skipped by name; under
 * `CI=true` it fails instead, so that no proof vanishes silently.
 *
 *     const nginx = requireProgram(t, 'nginx');
 *     if (nginx === undefined) return;
 */
export function requireProgram(t: TestContext, name: string): string | undefined {
  const path = findProgram(name);
  if (path !== undefined) return path;
  if (process.env.CI === 'true')
    throw new Error(`${name} is not installed, and CI=true lets nothing be skipped`);
  t.skip(`${name} is not installed`);
  return undefined;
}
