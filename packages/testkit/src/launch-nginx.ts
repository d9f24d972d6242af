import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launchProgram, type Program, type TestScope } from './launch-program.ts';
import { findProgram } from './require-program.ts';
import { tempDir } from './temp-dir.ts';

export interface NginxOptions {
  /** What stands inside `http { … }`. */
  readonly http?: string;
  /** What stands inside `stream { … }`. */
  readonly stream?: string;
  /** Further lines of the outermost level. */
  readonly main?: string;
  /** Default 1. */
  readonly workers?: number;
  readonly test?: TestScope;
}

export interface Nginx extends Program {
  /** Its directory: `nginx.conf`, `nginx.pid`, and a place for the test's own files. */
  readonly prefix: string;
  /** Writes a new configuration and reloads; the caller waits for what it wants to see. */
  reload(options: NginxOptions): void;
}

const streamModule = '/usr/lib/nginx/modules/ngx_stream_module.so';

/** Starts a real nginx in a directory of its own. Only 127.0.0.1 and free ports, please (`freePort`). */
export async function launchNginx(options: NginxOptions): Promise<Nginx> {
  const directory = tempDir('nginx');
  const prefix = directory.path;
  const configFile = join(prefix, 'nginx.conf');
  writeFileSync(configFile, nginxConfig(prefix, options));
  const program = await launchProgram({
    command: findProgram('nginx') ?? 'nginx',
    args: ['-p', prefix, '-c', configFile, '-e', 'stderr'],
    ready: () => existsSync(join(prefix, 'nginx.pid')),
    cleanUp: directory.remove,
    ...(options.test === undefined ? {} : { test: options.test }),
  });
  return Object.assign(program, {
    prefix,
    reload(next: NginxOptions): void {
      writeFileSync(configFile, nginxConfig(prefix, next));
      program.kill('SIGHUP');
    },
  });
}

/** Every path that nginx has compiled in is moved into the prefix: a test needs no rights and leaves no file behind. */
function nginxConfig(prefix: string, options: NginxOptions): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${join(prefix, kind)};`,
  );
  const lines = [
    'daemon off;',
    `worker_processes ${options.workers ?? 1};`,
    `pid ${join(prefix, 'nginx.pid')};`,
    process.getuid?.() === 0 ? 'user root;' : '',
    options.stream !== undefined && existsSync(streamModule) ? `load_module ${streamModule};` : '',
    options.main ?? '',
    'events { worker_connections 4096; }',
    options.http === undefined ? '' : `http {\naccess_log off;\n${temporary.join('\n')}\n${options.http}\n}`,
    options.stream === undefined ? '' : `stream {\n${options.stream}\n}`,
  ];
  return `${lines.filter((line) => line !== '').join('\n')}\n`;
}
