import { Agent, type IncomingMessage } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import type { Clock } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import type { EngineAddress } from './config.ts';
import { type Container, readContainer } from './container.ts';
import { type Exchange, getText, openStream } from './engine-request.ts';
import { type ContainerEvent, eventFilters, readEvent } from './event.ts';
import { lineSplitter } from './event-lines.ts';
import { listOf, objectOf, parseJson, textOf } from './json-reader.ts';
import { limits } from './limits.ts';
import { readTlsFiles } from './tls-files.ts';

/** What the engine says about itself. */
export interface EngineInfo {
  /** The host name of the machine on which it runs. */
  readonly hostName: string;
  readonly version: string;
  /** Its own clock, as `since` of a stream of events. */
  readonly now: string;
}

/** A line of the list of containers. */
export interface ListedContainer {
  readonly id: string;
  /** Running, paused, or about to be restarted. */
  readonly alive: boolean;
}

export interface EventStream {
  /** Rejects when the stream breaks; never resolves. */
  readonly broken: Promise<never>;
}

/**
 * The few calls of the Docker Engine API that are needed. All reject with a `Fault`. Opened by `connectDocker`, which agrees
 * on the version of the API; ends when its signal aborts.
 * Source: https://docs.docker.com/reference/api/engine/
 */
export interface DockerApi {
  ping(): Promise<void>;
  info(): Promise<EngineInfo>;
  /** All containers, the stopped ones too if `all`. */
  list(all: boolean): Promise<readonly ListedContainer[]>;
  /** Rejects with `not-found` when it is gone, `timeout` when the engine holds its lock. */
  inspect(id: string): Promise<Container>;
  /** Every event from `since` on; the stream is open when this resolves, so nothing falls between it and a later `list`. */
  events(since: string, onEvent: (event: ContainerEvent) => void): Promise<EventStream>;
}

/** The version whose fields are known here. Any engine from 1.24 (Docker 1.12) on will do. */
const knownApi = 44;

export interface Connection {
  readonly address: EngineAddress;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export async function connectDocker({ address, clock, signal }: Connection): Promise<DockerApi> {
  const secure = address.kind === 'tcp' && address.certPath !== undefined;
  const tls = secure ? await readTlsFiles(address.certPath) : undefined;
  const options = { keepAlive: true, maxSockets: limits.maxRequests };
  const agent = tls === undefined ? new Agent(options) : new SecureAgent(options);
  signal.addEventListener('abort', () => agent.destroy(), { once: true });
  const exchange = (path: string, timeoutMs: number = limits.requestTimeoutMs): Exchange => ({
    address,
    ...(tls === undefined ? {} : { tls }),
    agent,
    clock,
    path,
    timeoutMs,
    signal,
  });
  const get = async (path: string, maxBytes: number, timeoutMs?: number): Promise<unknown> =>
    parseJson((await getText(exchange(path, timeoutMs), maxBytes)).text, path);

  const { headers } = await getText(exchange('/_ping'), limits.maxInfoBytes);
  const prefix = versionPrefix(String(headers['api-version'] ?? ''));
  return {
    ping: async () => void (await getText(exchange('/_ping'), limits.maxInfoBytes)),
    info: async () => readInfo(await get(`${prefix}/info`, limits.maxInfoBytes)),
    list: async (all) =>
      readList(await get(`${prefix}/containers/json?all=${all ? 1 : 0}`, limits.maxListBytes)),
    inspect: async (id) => {
      const path = `${prefix}/containers/${encodeURIComponent(id)}/json`;
      return readContainer(await get(path, limits.maxInspectBytes, limits.inspectTimeoutMs));
    },
    async events(since, onEvent) {
      const query = new URLSearchParams({ since, filters: eventFilters });
      const stream = await openStream({ ...exchange(`${prefix}/events?${query}`), agent: false });
      return { broken: follow(stream, onEvent) };
    },
  };
}

/** The newest version of the API that both know. Without one in the path, an engine takes its own newest. */
function versionPrefix(engineVersion: string): string {
  const minor = Number(/^1\.(\d{1,4})$/.exec(engineVersion)?.[1]);
  return Number.isInteger(minor) ? `/v1.${Math.min(minor, knownApi)}` : '';
}

function readInfo(json: unknown): EngineInfo {
  const info = objectOf(json);
  return {
    hostName: textOf(info.Name),
    version: textOf(info.ServerVersion),
    now: unixTime(textOf(info.SystemTime)),
  };
}

/** As seconds with nanoseconds: RFC 3339 with a zone is not understood by every engine. */
function unixTime(rfc3339: string): string {
  const ms = Date.parse(rfc3339);
  return Number.isNaN(ms) ? '0' : (ms / 1000).toFixed(3);
}

function readList(json: unknown): readonly ListedContainer[] {
  return listOf(json).flatMap((item) => {
    const { Id: id, State: state } = objectOf(item);
    if (textOf(id) === '') return [];
    return [{ id: textOf(id), alive: ['running', 'paused', 'restarting'].includes(textOf(state)) }];
  });
}

function follow(stream: IncomingMessage, onEvent: (event: ContainerEvent) => void): Promise<never> {
  const split = lineSplitter((line) => {
    const event = readEvent(line);
    if (event !== undefined) onEvent(event);
  });
  const broken = new Promise<never>((_, reject) => {
    const fail = (error: Error): void =>
      reject(
        error instanceof Fault ? error : new Fault('unavailable', `the events broke off: ${error.message}`),
      );
    stream.on('data', (chunk: Buffer) => {
      try {
        split(chunk);
      } catch (error) {
        stream.destroy(Fault.from(error));
      }
    });
    stream.on('error', fail);
    stream.on('close', () => fail(new Error('the engine ended them')));
  });
  // Nobody may be waiting yet when it breaks.
  broken.catch(() => undefined);
  return broken;
}
