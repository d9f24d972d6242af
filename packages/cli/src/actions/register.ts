import {
  definitionOf,
  type Registration,
  type RegistrationCheck,
  registrationId,
} from '@portolan/client/registration/definition.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import { durationMs } from '../duration.ts';
import { type RenderOptions, renderRecord } from '../output/render.ts';
import type { Session } from '../session.ts';

export interface RegisterFlags {
  readonly id?: string;
  readonly port?: string;
  readonly address?: string;
  readonly tag: readonly string[];
  readonly meta: readonly string[];
  readonly checkHttp?: string;
  readonly checkTcp?: string;
  readonly checkTtl?: string;
  readonly interval?: string;
  readonly deregisterAfter?: string;
  readonly keep: boolean;
}

/** `portolan register NAME`: once, or with `--keep` until told to stop. */
export async function register(session: Session, name: string, flags: RegisterFlags): Promise<void> {
  const registration = registrationOf(name, flags);
  const id = registrationId(registration);
  if (flags.keep) {
    await keep(session, registration);
    return;
  }
  await session.registry.register(definitionOf(registration), session.signal);
  printId(session, id, name);
  warn(session, registration);
}

function warn({ io }: Session, registration: Registration): void {
  for (const warning of warningsOf(registration)) io.err(`portolan: ${warning}\n`);
}

/** Consul takes any name, and so does the registry; DNS and the gateway find only one that can be a host name's label. */
const findable = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9_])?$/;

/** Servers check no more often, whatever a check asks for. */
const minIntervalMs = 1_000;

function warningsOf({ name, checks = [] }: Registration): readonly string[] {
  const warnings: string[] = [];
  if (!findable.test(name)) {
    const shown = JSON.stringify(name);
    warnings.push(
      `${shown} is registered, but DNS and the gateway cannot find it: use 1 to 63 letters, digits and hyphens`,
    );
  }
  for (const check of checks) {
    const tooOften = 'intervalMs' in check && (check.intervalMs ?? minIntervalMs) < minIntervalMs;
    if (tooOften) warnings.push('--interval: checks run once a second at most: 1s it is');
  }
  return warnings;
}

/** The id alone, so that `ID=$(portolan register …)` works without flags. */
function printId(session: Session, id: string, name: string): void {
  const { format } = session.render;
  const render: RenderOptions =
    format === 'json' || format === 'yaml' ? session.render : { ...session.render, format: 'name' };
  session.io.out(renderRecord([], { id, name }, id, render));
}

async function keep(session: Session, registration: Registration): Promise<void> {
  const { createClient } = await import('@portolan/client/client.ts');
  const client = createClient({
    server: session.server,
    onProblem: (problem) => session.io.err(`portolan: ${problem.message}; trying again\n`),
    ...(session.token === undefined ? {} : { token: session.token }),
  });
  try {
    const { id } = await client.register(registration, { signal: session.signal });
    printId(session, id, registration.name);
    warn(session, registration);
    session.io.err('Registered. Ctrl-C deregisters it.\n');
    await new Promise<void>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
    });
  } finally {
    await client.close();
  }
}

function registrationOf(name: string, flags: RegisterFlags): Registration {
  return {
    name,
    tags: flags.tag,
    metadata: metadataOf(flags.meta),
    checks: checksOf(flags),
    ...(flags.id === undefined ? {} : { id: flags.id }),
    ...(flags.address === undefined ? {} : { address: flags.address }),
    ...(flags.port === undefined ? {} : { port: portOf(flags.port) }),
  };
}

function portOf(text: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(port >= 1 && port <= 65_535)) {
    throw new Fault('invalid', `--port: '${text}' is not a port; use 1 to 65535`, { path: '--port' });
  }
  return port;
}

function metadataOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) {
        throw new Fault('invalid', `--meta: '${pair}' is not KEY=VALUE`, { path: '--meta' });
      }
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

function checksOf(flags: RegisterFlags): readonly RegistrationCheck[] {
  const after =
    flags.deregisterAfter === undefined
      ? {}
      : { deregisterAfterMs: durationMs(flags.deregisterAfter, '--deregister-after') };
  const interval =
    flags.interval === undefined ? {} : { intervalMs: durationMs(flags.interval, '--interval') };
  const checks: RegistrationCheck[] = [];
  if (flags.checkHttp !== undefined) checks.push({ http: flags.checkHttp, ...interval, ...after });
  if (flags.checkTcp !== undefined) checks.push({ tcp: flags.checkTcp, ...interval, ...after });
  if (flags.checkTtl !== undefined) {
    checks.push({ ttlMs: durationMs(flags.checkTtl, '--check-ttl'), ...after });
  }
  for (const [flag, value, needs] of [
    ['--interval', flags.interval, flags.checkHttp ?? flags.checkTcp],
    ['--deregister-after', flags.deregisterAfter, checks[0]],
  ]) {
    if (value !== undefined && needs === undefined) {
      throw new Fault(
        'invalid',
        `${flag}: there is no check it belongs to; add --check-http URL or --check-tcp HOST:PORT`,
      );
    }
  }
  return checks;
}
