import { type Logger, symbols } from 'pino';

/** Where log lines go, one JSON object each with its newline. */
export interface LineSink {
  write(line: string): void;
}

/** A destination of a log that others may follow. Followers cost nothing while there are none. */
export class LogStream implements LineSink {
  readonly #sink: LineSink;
  readonly #followers = new Set<(line: string) => void>();

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  write(line: string): void {
    this.#sink.write(line);
    for (const follower of this.#followers) follower(line);
  }

  /** Calls `follower` with each line from now on; it must be quick and must not log. The returned function ends it. */
  follow(follower: (line: string) => void): () => void {
    this.#followers.add(follower);
    return () => void this.#followers.delete(follower);
  }
}

/** The stream that a logger, or one of its children, writes to; undefined where it is another kind of destination. */
export function logStreamOf(log: Logger): LogStream | undefined {
  const stream = (log as unknown as Readonly<Record<symbol, unknown>>)[symbols.streamSym];
  return stream instanceof LogStream ? stream : undefined;
}
