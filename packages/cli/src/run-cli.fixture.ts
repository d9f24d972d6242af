import { Readable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { run } from './run.ts';

export interface CliResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Of `--output json`. */
  readonly json: unknown;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly terminal?: boolean;
}

/** The command line inside this process, with nothing of this process' own environment. */
export async function runCli(argv: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const out: Buffer[] = [];
  let err = '';
  const io = {
    out: (chunk: string | Uint8Array) => void out.push(Buffer.from(chunk)),
    err: (text: string) => {
      err += text;
    },
    env: options.env ?? {},
    stdin: Readable.from([options.stdin ?? '']),
    outIsTerminal: options.terminal ?? false,
    exitCode: 0,
  };
  const code = await run(argv, io, '1.2.3');
  const text = Buffer.concat(out).toString();
  return {
    code,
    out: text,
    err,
    get json() {
      return JSON.parse(stripVTControlCharacters(text));
    },
  };
}
