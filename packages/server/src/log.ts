import { type Logger, pino } from 'pino';
import type { Settings } from './config/settings.ts';
import { type LineSink, LogStream } from './log-stream.ts';

/**
 * The server's log on standard error: a JSON object on each line, or, for a person at a terminal, a short line. Written at once:
 * what matters most in a log is its last line. With `to` its lines go there instead, as JSON.
 */
export function createLog(settings: Settings['log'], to?: LineSink): Logger {
  const pretty =
    settings.format === 'pretty' || (settings.format === 'auto' && process.stderr.isTTY === true);
  const options = {
    level: settings.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, new LogStream(to ?? standardError(pretty)));
}

function standardError(pretty: boolean): LineSink {
  if (!pretty) return pino.destination({ fd: 2, sync: true });
  return { write: (line) => void process.stderr.write(prettyLine(line)) };
}

interface Line {
  readonly level: string;
  readonly time: string;
  readonly msg?: string;
  readonly err?: { readonly stack?: string; readonly message?: string };
  readonly [key: string]: unknown;
}

/** `12:30:01 warn  dns: question refused  client=127.0.0.1` */
export function prettyLine(json: string): string {
  const { level, time, msg, err, part, ...rest } = JSON.parse(json) as Line;
  const subject = typeof part === 'string' ? `${part}: ` : '';
  const fields = Object.entries(rest).map(([key, value]) => `${key}=${printable(value)}`);
  const text = [`${subject}${msg ?? ''}`, ...fields].join('  ');
  const trace = err === undefined ? '' : `\n  ${(err.stack ?? err.message ?? '').replaceAll('\n', '\n  ')}`;
  return `${time.slice(11, 19)} ${level.padEnd(5)} ${text}${trace}\n`;
}

function printable(value: unknown): string {
  return typeof value === 'string' && /^[\w./:@+-]+$/.test(value) ? value : JSON.stringify(value);
}
