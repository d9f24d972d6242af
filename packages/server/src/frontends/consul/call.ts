import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context } from '../../contract.ts';
import { jsonReply, type Reply, reply, textReply } from '../../http/reply.ts';
import type { Query } from '../../http/target.ts';
import type { PreparedQueryBook } from '../../prepared-query-book.ts';
import type { Answers } from './answers.ts';
import type { ConsulConfig } from './config.ts';
import type { ContentIndexes } from './content-index.ts';
import type { EventLog } from './event-log.ts';
import { commonHeaders } from './headers.ts';
import { flag } from './query.ts';
import type { SessionKeeper } from './session-keeper.ts';
import type { Waiters } from './waiters.ts';

/** What every handler of this dialect is given besides its request. */
export interface ConsulContext extends Omit<Context, 'http'> {
  readonly config: ConsulConfig;
  readonly answers: Answers;
  readonly contentIndexes: ContentIndexes;
  readonly waiters: Waiters;
  readonly sessions: SessionKeeper;
  readonly events: EventLog;
  readonly queries: PreparedQueryBook;
}

/** One request, decoded. */
export interface Call {
  readonly context: ConsulContext;
  readonly method: string;
  /** What follows the route's path; '' for a route without argument. May hold slashes. */
  readonly argument: string;
  readonly query: Query;
  /** The target as it came, by which equal requests are known. */
  readonly target: string;
  /** Empty for a route that takes none. */
  readonly body: Buffer;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export type Handler = (call: Call) => Reply | Promise<Reply>;

/** JSON without an index: what the agent knows by itself. */
export function localJson(call: Call, value: unknown, status = 200, headers: readonly string[] = []): Reply {
  return jsonReply(status, value, {
    pretty: flag(call.query, 'pretty'),
    headers: [...commonHeaders, ...headers],
  });
}

/** 200 with an empty body: how Consul says that a write is done. */
export const done: Reply = reply(200, commonHeaders);

export function text(status: number, words: string, headers: readonly string[] = []): Reply {
  return textReply(status, words, [...commonHeaders, ...headers]);
}
