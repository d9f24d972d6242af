import { Fault } from '@portolan/core/base/fault.ts';
import type { Diagnostic } from '@portolan/core/traffic/model.ts';
import type { Planner } from '@portolan/core/traffic/planner.ts';
import type { Context } from '../../contract.ts';
import { bodyText } from '../../http/body.ts';
import type { Reply } from '../../http/reply.ts';
import { jsonReply } from '../../http/reply.ts';
import type { Query } from '../../http/target.ts';
import type { Census } from './census.ts';

/** What a handler is given. */
export interface Call {
  readonly context: Context;
  readonly census: Census;
  /** The planner's, then those of the parts. */
  readonly diagnostics: () => readonly Diagnostic[];
  /** As `PortolanFrontendOptions.createPlanner`. */
  readonly createPlanner: () => Planner;
  /** Of the path, decoded: `service`, `id`, `name`, `key`. */
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly query: Query;
  /** Read to its end, at most `maxBodyBytes`; empty where the route takes none. */
  readonly body: Buffer;
}

export type Handler = (call: Call) => Reply | Promise<Reply>;

/** A KV value of 512 KiB in base64, and room for what is around it. */
export const maxBodyBytes = 1024 * 1024;

export function json(value: unknown, status = 200): Reply {
  return jsonReply(status, value, { headers: ['Cache-Control', 'no-store'] });
}

/** The body as JSON. Throws `invalid`. */
export function jsonBody(body: Buffer): unknown {
  const text = bodyText(body);
  if (text === '') throw new Fault('invalid', 'A JSON body is missing.');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Fault('invalid', `The body is not JSON: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

export interface Page {
  readonly prefix: string;
  readonly after: string;
  readonly limit: number;
}

const defaultPageSize = 500;
const maxPageSize = 5_000;

/** `?prefix=&after=&limit=` */
export function pageOf(query: Query): Page {
  const text = query.get('limit') ?? String(defaultPageSize);
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > maxPageSize) {
    throw new Fault('invalid', `limit must be a whole number from 1 to ${maxPageSize}`, { path: 'limit' });
  }
  return { prefix: query.get('prefix') ?? '', after: query.get('after') ?? '', limit };
}

export function param(call: Call, name: string): string {
  const value = call.params[name];
  if (value === undefined || value === '')
    throw new Fault('invalid', `${name} must not be empty`, { path: name });
  return value;
}
