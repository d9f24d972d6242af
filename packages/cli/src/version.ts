import { readFileSync } from 'node:fs';

/** Of this package; the workspace gives all of its packages one version. */
export const version: string = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
).version;
