import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Reply } from '../../http/reply.ts';
import { logStreamOf } from '../../log-stream.ts';
import { type Call, type Handler, text } from './call.ts';
import { commonHeaders } from './headers.ts';
import { flag } from './query.ts';

/** Consul's words, from all to least, and the number that a line of ours must have at least. */
const levels = { trace: 10, debug: 20, info: 30, warn: 40, err: 50, error: 50 } as const;
type Level = keyof typeof levels;

const rankOf: Readonly<Record<string, number>> = { ...levels, fatal: 60 };
const consulWords: Readonly<Record<string, string>> = { error: 'ERROR', fatal: 'ERROR' };

/** Lines that a slow reader has not taken yet. What comes then is lost, and said to be, as in Consul. */
const maxWaitingLines = 512;

/**
 * `GET /v1/agent/monitor?loglevel=&logjson`: the log as it is written, until the client goes. Never more than this server logs.
 * Source: https://developer.hashicorp.com/consul/api-docs/agent#stream-logs
 */
export const monitor: Handler = (call) => {
  const word = (call.query.get('loglevel') || 'info').toLowerCase();
  if (!Object.hasOwn(levels, word)) return text(400, `Unknown log level: ${word}`);
  if (call.context.waiters.closed) return text(503, 'The server is stopping');
  return stream(call, levels[word as Level], flag(call.query, 'logjson'));
};

async function stream(call: Call, least: number, asJson: boolean): Promise<Reply> {
  const { response, context } = call;
  const headers = ['Content-Type', asJson ? 'application/json' : 'text/plain; charset=utf-8'];
  response.writeHead(200, [...headers, 'X-Content-Type-Options', 'nosniff', ...commonHeaders]);
  response.flushHeaders();
  const lines = boundedLines(response, least, asJson);
  const unfollow = logStreamOf(context.log)?.follow(lines);
  const letGo = context.waiters.onClose(() => void response.end());
  try {
    await once(response, 'close');
  } finally {
    unfollow?.();
    letGo();
  }
  return alreadySent;
}

/** Everything has been written by then. */
const alreadySent = text(200, '');

function boundedLines(response: ServerResponse, least: number, asJson: boolean): (line: string) => void {
  let waiting = 0;
  let lost = 0;
  return (line) => {
    const entry = JSON.parse(line) as LogLine;
    if ((rankOf[entry.level] ?? 0) < least || response.writableEnded) return;
    if (waiting >= maxWaitingLines) {
      lost += 1;
      return;
    }
    const note = lost > 0 && !asJson ? `[WARN] ${lost} lines were lost: they are read too slowly\n` : '';
    lost = 0;
    waiting += 1;
    response.write(note + (asJson ? line : plainLine(entry)), () => {
      waiting -= 1;
    });
  };
}

interface LogLine {
  readonly level: string;
  readonly time: string;
  readonly part?: unknown;
  readonly msg?: string;
  readonly [field: string]: unknown;
}

/** `2026-01-02T03:04:05.678Z [INFO]  consul: session ended: keys=1` */
export function plainLine({ level, time, part, msg = '', ...rest }: LogLine): string {
  const word = `[${consulWords[level] ?? level.toUpperCase()}]`.padEnd(7);
  const subject = typeof part === 'string' ? `${part}: ` : '';
  const fields = Object.entries(rest).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const tail = fields.length === 0 ? '' : `: ${fields.join(' ')}`;
  return `${time} ${word} ${subject}${msg}${tail}\n`;
}
