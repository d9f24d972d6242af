import { execFile } from 'node:child_process';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mainFile, withoutPorts } from './main-file.ts';
import { withoutProcess } from './nginx-log.ts';
import type { NginxProgram } from './nginx-program.ts';
import { writeConfiguration } from './nginx-writer.ts';
import type { Translation } from './translate.ts';

/** Tens of thousands of servers take nginx a few seconds to read. */
const timeoutMs = 60_000;
/** `nobody` wherever nginx runs. */
const nobody = 65_534;

/**
 * Lets the real nginx read the configuration (`nginx -t`) where it can do no harm: in a scratch directory, as nobody where we are
 * root, with sockets in place of ports, and with no name to look up. Resolves with why it refuses, undefined: it does not.
 */
export async function tryConfiguration(
  program: NginxProgram,
  translation: Translation,
): Promise<string | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'portolan-nginx-'));
  try {
    const file = join(directory, 'nginx.conf');
    const { hasStream, streamModule } = program;
    const main = mainFile(translation, {
      ...{ hasStream, streamModule, temporaryDir: directory, process: 'child' },
      pidFile: join(directory, 'pid'),
    });
    await writeFile(file, writeConfiguration(withoutPorts(main, directory)));
    const asNobody = process.getuid?.() === 0;
    if (asNobody) await chown(directory, nobody, nobody);
    return await refusalOf(program.path, ['-t', '-q', '-p', directory, '-c', file], asNobody);
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

function refusalOf(path: string, args: readonly string[], asNobody: boolean): Promise<string | undefined> {
  const options = { timeout: timeoutMs, env: {}, ...(asNobody ? { uid: nobody, gid: nobody } : {}) };
  return new Promise((resolve) => {
    execFile(path, args, options, (error, stdout, stderr) => {
      resolve(error === null ? undefined : firstErrors(stdout + stderr) || error.message);
    });
  });
}

/** The lines that matter, the same each time that the same thing is wrong. */
function firstErrors(output: string): string {
  const lines = output.split('\n').filter((line) => /\[(?:emerg|alert|crit|error)\]/.test(line));
  return lines
    .slice(0, 3)
    .map((line) => withoutProcess(line).replace(/ in \/\S*\/nginx\.conf:(\d+)$/, ' in line $1'))
    .join('; ');
}
