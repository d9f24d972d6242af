import { readFileSync } from 'node:fs';
import type { Registry } from '@portolan/client/registry/registry.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import pc from 'picocolors';
import { durationMs } from './duration.ts';
import type { Io } from './io.ts';
import type { Format } from './output/format.ts';
import type { RenderOptions } from './output/render.ts';

/** The options that every client command has. */
export interface ClientFlags {
  readonly server?: string;
  readonly timeout: string;
  readonly tokenFile?: string;
  readonly output: Format;
  readonly headers: boolean;
  readonly color: boolean;
}

/** What a client command works with. */
export interface Session {
  readonly io: Io;
  readonly server: string;
  readonly token: string | undefined;
  readonly registry: Registry;
  /** Aborts when `--timeout` is over. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly render: RenderOptions;
}

/** Opens a connection for `work`, and closes it. */
export async function withSession(
  io: Io,
  flags: ClientFlags,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  const server = serverOf(io.env, flags);
  const token = tokenOf(io.env, flags);
  const timeoutMs = durationMs(flags.timeout, '--timeout');
  // Loaded here: `portolan --help` needs no HTTP.
  const { openRegistry } = await import('@portolan/client/registry/open-registry.ts');
  const deadline = new AbortController();
  const timer = setTimeout(
    () => deadline.abort(new Fault('timeout', `${server} did not answer within ${flags.timeout}`)),
    timeoutMs,
  );
  const opened = openRegistry({ server, timeoutMs, ...(token === undefined ? {} : { token }) });
  try {
    await work({
      io,
      server,
      token,
      registry: opened.registry,
      signal: deadline.signal,
      timeoutMs,
      render: renderOptions(io, flags),
    });
  } catch (thrown) {
    throw withAdvice(Fault.from(thrown), server);
  } finally {
    clearTimeout(timer);
    await opened.close();
  }
}

export function renderOptions(
  io: Io,
  flags: Pick<ClientFlags, 'output' | 'headers' | 'color'>,
): RenderOptions {
  const noColor = (io.env.NO_COLOR ?? '') !== '' || io.env.TERM === 'dumb' || !flags.color;
  return {
    format: flags.output,
    headers: flags.headers,
    colors: pc.createColors(io.outIsTerminal && !noColor),
  };
}

const defaultServer = 'http://127.0.0.1:8500';

function serverOf(env: Io['env'], flags: ClientFlags): string {
  return flags.server ?? env.PORTOLAN_SERVER ?? consulAddress(env) ?? defaultServer;
}

/** Consul's own variables, so that a shell that is set up for Consul works. */
function consulAddress(env: Io['env']): string | undefined {
  const address = env.CONSUL_HTTP_ADDR;
  if (address === undefined || address.includes('://')) return address;
  return env.CONSUL_HTTP_SSL === 'true' || env.CONSUL_HTTP_SSL === '1' ? `https://${address}` : address;
}

function tokenOf(env: Io['env'], flags: ClientFlags): string | undefined {
  if (flags.tokenFile !== undefined) return tokenIn(flags.tokenFile, '--token-file');
  if (env.PORTOLAN_TOKEN !== undefined) return env.PORTOLAN_TOKEN;
  if (env.PORTOLAN_TOKEN_FILE !== undefined) return tokenIn(env.PORTOLAN_TOKEN_FILE, 'PORTOLAN_TOKEN_FILE');
  if (env.CONSUL_HTTP_TOKEN !== undefined) return env.CONSUL_HTTP_TOKEN;
  if (env.CONSUL_HTTP_TOKEN_FILE !== undefined) {
    return tokenIn(env.CONSUL_HTTP_TOKEN_FILE, 'CONSUL_HTTP_TOKEN_FILE');
  }
  return undefined;
}

function tokenIn(path: string, source: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (thrown) {
    throw new Fault('invalid', `${source}: cannot read '${path}': ${Fault.from(thrown).message}`, {
      cause: thrown,
      path: source,
    });
  }
}

function withAdvice(fault: Fault, server: string): Fault {
  if (fault.code === 'unavailable' && fault.message.startsWith('cannot reach')) {
    return new Fault(
      fault.code,
      `${fault.message}\nIs the server running? Start one with 'portolan server', or name another with --server URL (variable PORTOLAN_SERVER).`,
      { cause: fault },
    );
  }
  if (fault.code === 'denied') {
    return new Fault(
      fault.code,
      `${fault.message}\n${server} wants a token: give --token-file FILE or PORTOLAN_TOKEN.`,
      {
        cause: fault,
      },
    );
  }
  return fault;
}
