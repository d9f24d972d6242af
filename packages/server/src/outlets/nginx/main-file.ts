import { join } from 'node:path';
import { block, type Directive, directive, text } from './nginx-writer.ts';
import type { Translation } from './translate.ts';

/** What the whole file needs to know beyond what the model says. */
export interface MainFileOptions {
  /** Of the dynamic stream module; undefined: built in, or not there at all. */
  readonly streamModule: string | undefined;
  readonly hasStream: boolean;
  readonly pidFile: string;
  /** For the directories that nginx wants to have, though nothing of ours is buffered on disk. */
  readonly temporaryDir: string;
  /** `child`: in the foreground, errors to standard error. */
  readonly process: 'child' | 'daemon';
}

/** Connections of each worker, both sides counted; a listening socket is one too. */
const workerConnections = 4_096;
/** WebSockets and TCP connections of workers that a reload replaced are cut after this: else each reload would leave a process. */
const shutdownTimeout = '600s';

/** A whole nginx.conf. */
export function mainFile(translation: Translation, options: MainFileOptions): readonly Directive[] {
  const { http, stream, doors } = translation;
  const withStream = options.hasStream && stream.length > 0;
  return [
    ...(withStream && options.streamModule !== undefined
      ? [directive('load_module', text(options.streamModule))]
      : []),
    ...(options.process === 'child'
      ? [directive('daemon', 'off'), directive('error_log', 'stderr', 'warn')]
      : []),
    directive('pid', text(options.pidFile)),
    directive('worker_processes', 'auto'),
    directive('worker_shutdown_timeout', shutdownTimeout),
    block('events', [], [directive('worker_connections', workerConnections + doors.length)]),
    block(
      'http',
      [],
      [
        directive('access_log', 'off'),
        ...temporaryPaths.map((kind) =>
          directive(`${kind}_temp_path`, text(join(options.temporaryDir, kind))),
        ),
        ...hashSizes(translation, 'always'),
        ...http,
      ],
    ),
    ...(withStream ? [block('stream', [], stream)] : []),
  ];
}

const temporaryPaths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

/** What stands in the files that somebody else's nginx.conf includes. */
export function includedFiles(translation: Translation): {
  http: readonly Directive[];
  stream: readonly Directive[];
} {
  return {
    http: [...hashSizes(translation, 'when-needed'), ...translation.http],
    stream: translation.stream,
  };
}

/** nginx' defaults hold this much on every machine; the including file may have sizes of its own, and they may be said only once. */
const defaultLongestName = 44;
const defaultNames = 256;

function hashSizes({ hosts }: Translation, when: 'always' | 'when-needed'): readonly Directive[] {
  const sizes: Directive[] = [];
  if (when === 'always' || hosts.longest > defaultLongestName) {
    sizes.push(directive('server_names_hash_bucket_size', 512));
  }
  if (when === 'always' || hosts.count > defaultNames) {
    // The names of a configuration that grows do not change the number each time.
    sizes.push(
      directive(
        'server_names_hash_max_size',
        Math.max(4_096, 2 ** Math.ceil(Math.log2(hosts.count * 2 + 1))),
      ),
    );
  }
  return sizes;
}

/**
 * The same configuration, which opens no port: each address it would listen on becomes a socket in `directory`. So it can be
 * looked at by anybody, beside the nginx that has the ports.
 */
export function withoutPorts(directives: readonly Directive[], directory: string): readonly Directive[] {
  const sockets = new Map<string, string>();
  const replace = (one: Directive): Directive => {
    const [address, ...rest] = one.args;
    if (one.name === 'listen' && address?.kind === 'word') {
      const socket = sockets.get(address.text) ?? `${sockets.size}.sock`;
      sockets.set(address.text, socket);
      return { ...one, args: [text(`unix:${join(directory, socket)}`), ...rest] };
    }
    return one.block === undefined ? one : { ...one, block: one.block.map(replace) };
  };
  return directives.map(replace);
}

/** First line of each file of ours. */
export const notice = '# Written by Portolan from its registry; changes made here are lost.\n';
