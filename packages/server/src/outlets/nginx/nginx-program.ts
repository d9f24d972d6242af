import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Fault } from '@portolan/core/base/fault.ts';

/** What the installed nginx says of itself. */
export interface NginxProgram {
  readonly path: string;
  /** `1.22.1`. */
  readonly version: string;
  readonly hasStream: boolean;
  /** Undefined: built in, or not there. */
  readonly streamModule: string | undefined;
}

const timeoutMs = 10_000;

/** Throws an `invalid` fault where there is no nginx to be asked. */
export async function askNginx(binary: string): Promise<NginxProgram> {
  const path = pathOf(binary);
  if (path === undefined) {
    throw new Fault(
      'invalid',
      `nginx.binary: there is no program "${binary}": install nginx, or give its path`,
    );
  }
  const said = await new Promise<string>((resolve, reject) => {
    execFile(path, ['-V'], { timeout: timeoutMs }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout + stderr);
      else
        reject(new Fault('invalid', `nginx.binary: ${path} -V failed: ${error.message}`, { cause: error }));
    });
  });
  return { path, ...factsOf(said, existsSync) };
}

/** Reads what `nginx -V` says. */
export function factsOf(said: string, exists: (file: string) => boolean): Omit<NginxProgram, 'path'> {
  const version = /nginx version: [^/\s]+\/(\S+)/.exec(said)?.[1] ?? 'unknown';
  const prefix = argument(said, 'prefix') ?? '/usr/local/nginx';
  const modules = argument(said, 'modules-path') ?? join(prefix, 'modules');
  if (/\s--with-stream(?:\s|$)/.test(said)) return { version, hasStream: true, streamModule: undefined };
  const file = join(modules, 'ngx_stream_module.so');
  const loadable = /\s--with-stream=dynamic(?:\s|$)/.test(said) && exists(file);
  return { version, hasStream: loadable, streamModule: loadable ? file : undefined };
}

function argument(said: string, name: string): string | undefined {
  return new RegExp(`\\s--${name}=('[^']*'|\\S+)`).exec(said)?.[1]?.replaceAll("'", '');
}

/** `sbin` too: the path of a service often lacks it. */
function pathOf(binary: string): string | undefined {
  if (binary.includes('/')) return existsSync(binary) ? binary : undefined;
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, binary)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
