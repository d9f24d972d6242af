import { isIP } from 'node:net';
import { parseDurationMs } from '@portolan/core/base/duration.ts';
import { z } from 'zod';
import type { Bind } from '../contract.ts';

/*
 * What a setting's value may look like. Flags and variables are text; the file may have numbers and booleans too. Every message
 * completes the sentence "<key> …" and says what to write instead.
 */

const text = z
  .union([z.string(), z.number(), z.boolean()], { error: 'must be one plain value' })
  .transform(String);

type Parse<T> = (given: string, fail: (message: string) => undefined) => T | undefined;

function parsed<T>(parse: Parse<T>) {
  return text.transform((given, context): T => {
    let failed = false;
    const fail = (message: string): undefined => {
      failed = true;
      context.addIssue({ code: 'custom', message });
    };
    const value = parse(given.trim(), fail);
    return failed || value === undefined ? z.NEVER : value;
  });
}

/** `10s`, `1m30s`, `250ms`, `0`: milliseconds. */
export function duration({ min = 0, max }: { min?: number; max: number }) {
  return parsed((given, fail) => {
    const ms = parseDurationMs(given);
    if (ms === undefined) return fail(`must be a duration such as 10s, 250ms or 1m30s, not "${given}"`);
    return ms >= min && ms <= max ? ms : fail(`must be between ${min}ms and ${max}ms, not ${given}`);
  });
}

const sizeUnits: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** `64MiB`, `512kB`, `1024`: bytes. */
export function size(limits: { min: number; max: number }) {
  return parsed((given, fail) => {
    const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(given);
    const unit = match?.[2] === '' ? 1 : sizeUnits[match?.[2] ?? ''];
    if (match === null || unit === undefined) {
      return fail(`must be a size such as 64MiB, 512KiB or 1048576, not "${given}"`);
    }
    const bytes = Math.round(Number(match[1]) * unit);
    if (bytes >= limits.min && bytes <= limits.max) return bytes;
    return fail(`must be between ${limits.min} and ${limits.max} bytes, not ${given}`);
  });
}

export function whole(limits: { min: number; max: number }) {
  return parsed((given, fail) => {
    const value = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN;
    if (value >= limits.min && value <= limits.max) return value;
    return fail(`must be a whole number from ${limits.min} to ${limits.max}, not "${given}"`);
  });
}

export const toggle = parsed((given, fail) => {
  if (given === 'true' || given === '1' || given === 'yes') return true;
  if (given === 'false' || given === '0' || given === 'no') return false;
  return fail(`must be true or false, not "${given}"`);
});

export function oneOf<const T extends string>(...choices: readonly T[]) {
  return parsed((given, fail): T | undefined => {
    const found = choices.find((choice) => choice === given);
    return found ?? fail(`must be one of ${choices.join(', ')}, not "${given}"`);
  });
}

/** A name that ends up in file names, DNS answers and logs. */
export const name = parsed((given, fail) => {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,126}[A-Za-z0-9])?$/.test(given)) return given;
  return fail(
    `must be 1 to 128 letters, digits, ".", "_" or "-", with a letter or digit at both ends, not "${given}"`,
  );
});

export const ipAddress = parsed((given, fail) => {
  const address = given.replace(/^\[(.*)\]$/, '$1');
  return isIP(address) === 0 ? fail(`must be an IP address, not "${given}"`) : address;
});

/** Lower case, without the last dot. */
export const domain = parsed((given, fail) => {
  const lower = given.toLowerCase().replace(/\.$/, '');
  const labels = lower.split('.');
  const valid = labels.every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label));
  if (valid && lower.length <= 253) return lower;
  return fail(`must be a domain name such as localhost or example.org, not "${given}"`);
});

/** The same, or nothing. */
export const optionalDomain = z.union([z.literal(''), domain]);

export const path = parsed((given, fail) => (given === '' ? fail('must be a path, not empty') : given));

/** `ADDR:PORT`, an IPv6 address in brackets; `off` is undefined. */
export const bindOrOff = parsed((given, fail): { bind: Bind | undefined } | undefined => {
  if (given === 'off' || given === 'false') return { bind: undefined };
  const bind = parseBind(given);
  return typeof bind === 'string' ? fail(bind) : { bind };
});

/** Comma-separated texts, or a list in the file. */
export const list = z
  .union([text, z.array(text)])
  .transform((given) => (Array.isArray(given) ? given : given.split(',')).map((part) => part.trim()))
  .transform((parts): readonly string[] => parts.filter((part) => part !== ''));

/** Comma-separated addresses and CIDR ranges; a single address becomes the range of itself. */
export const networks = list.transform((parts, context): readonly string[] =>
  parts.map((part) => {
    const [address = '', bits, ...more] = part.replaceAll(/[[\]]/g, '').split('/');
    const family = isIP(address);
    const most = family === 6 ? 128 : 32;
    const given = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
    if (family !== 0 && more.length === 0 && given <= most) return `${address}/${given}`;
    context.addIssue({
      code: 'custom',
      message: `must be addresses or ranges such as 10.0.0.0/8, not "${part}"`,
    });
    return part;
  }),
);

/** `10s` for all, or `web=5s,db-*=30s,*=10s` by service: seconds by name. */
export const ttls = list.transform((parts, context): ReadonlyMap<string, number> => {
  const found = new Map<string, number>();
  for (const part of parts) {
    const [name = '', given] = part.includes('=') ? part.split('=') : ['*', part];
    const ms = parseDurationMs(given ?? '');
    if (name === '' || ms === undefined || ms > maxTtlMs) {
      const message = `must be a duration such as 10s, or NAME=10s for single services, not "${part}"`;
      context.addIssue({ code: 'custom', message });
    } else found.set(name, Math.round(ms / 1000));
  }
  return found;
});

/** A year: nothing that is named changes so rarely. */
const maxTtlMs = 365 * 24 * 3_600_000;

/** Comma-separated `IP:PORT`s; the port may be left out. */
export function binds(defaultPort: number) {
  const list = z
    .union([text, z.array(text)])
    .transform((given) => (Array.isArray(given) ? given : given.split(',')));
  return list.transform((given, context): readonly Bind[] => {
    const found: Bind[] = [];
    for (const item of given.map((part) => part.trim()).filter((part) => part !== '')) {
      const bind = parseBind(isIP(item) === 0 ? item : `${bracketed(item)}:${defaultPort}`);
      if (typeof bind !== 'string') found.push(bind);
      else {
        const message = `must be addresses such as 10.0.0.1 or 10.0.0.1:${defaultPort}, not "${item}"`;
        context.addIssue({ code: 'custom', message });
      }
    }
    return found;
  });
}

/** A string says what is wrong. */
function parseBind(given: string): Bind | string {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(given);
  const address = match?.[1] ?? (match?.[2] === 'localhost' ? '127.0.0.1' : match?.[2]);
  const port = Number(match?.[3]);
  if (match === null || address === undefined) {
    const hint = isIP(given) === 6 ? ' (an IPv6 address goes in brackets)' : '';
    return `must be ADDR:PORT such as 127.0.0.1:8500 or [::1]:8500, or off, not "${given}"${hint}`;
  }
  if (isIP(address) === 0)
    return `must name an IP address to bind, not "${address}": 0.0.0.0 or [::] is every address`;
  if (match[1] !== undefined && isIP(address) !== 6)
    return `must have only IPv6 addresses in brackets, not "${given}"`;
  if (port > 65_535) return `must have a port from 0 to 65535, not ${port}`;
  return { address, port };
}

export function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** Reachable from this machine only. */
export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

export { text };
