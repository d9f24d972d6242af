import type { Readable } from 'node:stream';

/** What a command sees of the world, so that tests can stand in for it. */
export interface Io {
  /** Data. */
  out(chunk: string | Uint8Array): void;
  /** Talk: everything that is not the answer itself. */
  err(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable;
  readonly outIsTerminal: boolean;
  /** With which the process ends when the command does not fail: 0, unless a command says otherwise. */
  exitCode: number;
}

export function processIo(): Io {
  const { stdin, stdout, stderr, env } = process;
  // The reader of a pipe has had enough: `portolan services | head -1`. Nothing is wrong, and there is nobody to tell.
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit();
      throw error;
    });
  }
  return {
    out: (chunk) => void stdout.write(chunk),
    err: (text) => void stderr.write(text),
    env,
    // Only when asked for: touching stdin keeps a process alive.
    get stdin() {
      return stdin;
    },
    outIsTerminal: stdout.isTTY === true,
    exitCode: 0,
  };
}
