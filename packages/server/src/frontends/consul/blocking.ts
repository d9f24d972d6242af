import { createHash } from 'node:crypto';
import type { CatalogReader, Topic } from '@portolan/core/catalog/reader.ts';
import { jsonText, type Reply, reply } from '../../http/reply.ts';
import { answerKey } from './answers.ts';
import { type Call, type Handler, localJson, text } from './call.ts';
import { indexHeaders, staleForMs } from './headers.ts';
import {
  checkCacheControl,
  flag,
  isOurDatacenter,
  type ReadOptions,
  readOptions,
  refuseEnterpriseScopes,
} from './query.ts';

/**
 * A read of the catalog. What `content` gives must follow from the call and from what `topic` covers, and from nothing else:
 * it is kept and given to everyone who asks the same while the topic's index stands.
 */
export interface Read {
  topic(call: Call): Topic;
  /** The index of just what this call reads, where its topic covers more: the waiter sleeps through the rest. */
  index?(call: Call, catalog: CatalogReader): number;
  /** Whether this call reads less than even that says: then its index moves only when its content does. */
  byContent?(call: Call): boolean;
  content(call: Call, catalog: CatalogReader): Content;
  /** `content` where that is so large that it is made in slices, between which others have their turn; undefined: it is not. */
  largeContent?(call: Call, catalog: CatalogReader): Promise<Content> | undefined;
}

export interface Content {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Buffer | undefined;
}

export function jsonContent(call: Call, value: unknown): Content {
  return jsonTextContent(jsonText(value, flag(call.query, 'pretty')));
}

export function jsonTextContent(json: string): Content {
  return { status: 200, headers: ['Content-Type', 'application/json'], body: Buffer.from(json) };
}

/** 404 without a word, but with the index, so that it can be waited for. */
export const missing: Content = { status: 404, headers: [], body: undefined };

/**
 * The handler of a read: answers at once, or with `?index=` when the topic has moved past it.
 * Source: https://developer.hashicorp.com/consul/api-docs/features/blocking
 */
export function blocking(read: Read): Handler {
  return (call) => {
    const { engine, config, identity } = call.context;
    if (!isOurDatacenter(call.query, identity.datacenter)) return text(500, 'No path to datacenter');
    refuseEnterpriseScopes(call.query);
    const options = readOptions(call.query, config);
    checkCacheControl(call.request.headers['cache-control']);
    if (options.consistency === 'consistent' && engine.view.stale !== undefined) {
      return text(500, 'No cluster leader');
    }
    const topic = read.topic(call);
    // An index from the future is one from before the store was emptied: the client is told at once, and starts over.
    const mustWait = options.index > 0 && options.index <= Math.max(1, engine.view.revision);
    return mustWait ? waitThenAnswer(call, read, topic, options) : answer(call, read, topic, options);
  };
}

/** How long a waiter that was woken for nothing sleeps at least; or ten times what looking took, so that looking stays cheap. */
const minRestMs = 20;
const restFactor = 10;

function indexOf(call: Call, read: Read, topic: Topic): number {
  const { catalog } = call.context.engine.view;
  const bound = read.index?.(call, catalog) ?? catalog.indexOf(topic);
  if (read.byContent?.(call) !== true) return bound;
  const content = () => read.content(call, catalog).body;
  return call.context.contentIndexes.index(answerKey(call.target), bound, content);
}

async function waitThenAnswer(call: Call, read: Read, topic: Topic, options: ReadOptions): Promise<Reply> {
  const { engine, clock, random, waiters } = call.context;
  const deadline = clock.monotonicMs() + options.waitMs + (random() * options.waitMs) / 16;
  let after = options.index;
  // Looks once before it waits: what the answer is now, it can only compare with later if it saw it.
  const before = read.byContent?.(call) === true ? indexOf(call, read, topic) : 0;
  while (before <= options.index) {
    const leftMs = deadline - clock.monotonicMs();
    if (leftMs <= 0 || waiters.closed) break;
    await waiters.wait(topic, after, leftMs, call.response);
    const lookedMs = clock.monotonicMs();
    if (indexOf(call, read, topic) > options.index) break;
    after = Math.max(after, engine.view.catalog.indexOf(topic));
    const restMs = Math.max(minRestMs, (clock.monotonicMs() - lookedMs) * restFactor);
    const restsMs = Math.min(restMs, deadline - clock.monotonicMs());
    if (restsMs > 0) await waiters.wait(topic, Number.POSITIVE_INFINITY, restsMs, call.response);
  }
  return answer(call, read, topic, options);
}

function answer(call: Call, read: Read, topic: Topic, options: ReadOptions): Reply | Promise<Reply> {
  const { engine, clock, answers } = call.context;
  const { view } = engine;
  const index = indexOf(call, read, topic);
  const key = answerKey(call.target);
  const staleMs = staleForMs(view, clock.monotonicMs());
  // The age of what is stale is part of the answer: such ones are not kept.
  const kept = staleMs === undefined ? answers.get(key, index) : undefined;
  if (kept !== undefined) return kept;
  const cacheHeaders = options.cached ? ['X-Cache', 'HIT', 'Age', '0'] : [];
  const ownHeaders = [...indexHeaders(index, options.consistency, staleMs), ...cacheHeaders];
  const replyOf = (content: Content): Reply => {
    const made = reply(content.status, [...content.headers, ...ownHeaders], content.body);
    if (staleMs === undefined) answers.put(key, index, made);
    return made;
  };
  const large = read.largeContent?.(call, view.catalog);
  return large === undefined ? replyOf(read.content(call, view.catalog)) : large.then(replyOf);
}

/** A record of this agent as the wire has it; undefined: there is none. */
export type HashedRead = (call: Call, catalog: CatalogReader) => object | undefined;

/**
 * The handler of an agent's record that is waited for by `?hash=`: until its content is another one. `absent`
 * answers where there is none.
 */
export function hashBlocking(
  topicOf: (call: Call) => Topic,
  value: HashedRead,
  absent: (call: Call) => Reply,
): Handler {
  return async (call) => {
    const { engine, clock, config, random, waiters } = call.context;
    const options = readOptions(call.query, config);
    const deadline = clock.monotonicMs() + options.waitMs + (random() * options.waitMs) / 16;
    const given = call.query.get('hash') ?? '';
    const topic = topicOf(call);
    for (;;) {
      const { catalog } = engine.view;
      const index = catalog.indexOf(topic);
      const found = value(call, catalog);
      if (found === undefined) return absent(call);
      const hash = contentHash(found);
      const leftMs = deadline - clock.monotonicMs();
      if (hash !== given || leftMs <= 0 || waiters.closed) {
        return localJson(call, { ...found, ContentHash: hash }, 200, ['X-Consul-ContentHash', hash]);
      }
      await waiters.wait(topic, index, leftMs, call.response);
    }
  };
}

function contentHash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}
