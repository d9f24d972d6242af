import { realpathSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';
import type { Machine } from '../functions/machine.ts';

/** The machine, but its files are only those below `folder`, links followed. */
export function sandboxed(machine: Machine, folder: string): Machine {
  return {
    environment: machine.environment,
    wallMs: () => machine.wallMs(),
    ...(machine.timeZone === undefined ? {} : { timeZone: machine.timeZone }),
    readFile(path) {
      const inside = relative(realpathSync(folder), realpathSync(resolve(path)));
      if (inside === '..' || inside.startsWith('../') || isAbsolute(inside))
        throw new Error(`'${path}' is outside of sandbox`);
      return machine.readFile(path);
    },
  };
}
