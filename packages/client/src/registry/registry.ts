import type { Question, RegistryConnection } from './connection.ts';
import { decodeInstances, decodeServices, parseAnswer, type ServiceInstance } from './decode.ts';
import { type KvRegistry, kvOver } from './kv.ts';
import { segment, withSignal } from './question.ts';

/** The registry's questions and answers, typed. Each takes a signal and rejects with a `Fault`. */
export interface Registry {
  /** `body` is Consul's service definition (see `registration/definition.ts`). */
  register(body: string, signal?: AbortSignal): Promise<void>;
  deregister(id: string, signal?: AbortSignal): Promise<void>;
  /** Rejects with `not-found` when the registry does not know `id`. */
  confirm(id: string, signal?: AbortSignal): Promise<void>;
  /** The answer of a TTL check's owner; `not-found` means: register again. */
  report(checkId: string, status: ReportedStatus, note: string, signal?: AbortSignal): Promise<void>;
  services(signal?: AbortSignal): Promise<ReadonlyMap<string, readonly string[]>>;
  instances(service: string, options?: InstancesOptions): Promise<InstancesAnswer>;
  kv: KvRegistry;
  /** Any other GET, as JSON. */
  get(path: string, signal?: AbortSignal): Promise<unknown>;
  /** Any other request; its answer as JSON, undefined where it is empty. */
  send(question: Question): Promise<unknown>;
}

export type ReportedStatus = 'pass' | 'warn' | 'fail';

export interface InstancesOptions {
  readonly passingOnly?: boolean;
  readonly tag?: string;
  /** Blocks until the index is above this one, at most `waitMs`. */
  readonly index?: number;
  readonly waitMs?: number;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface InstancesAnswer {
  readonly index: number;
  readonly instances: readonly ServiceInstance[];
}

export function registryOver(connection: RegistryConnection): Registry {
  const put = async (
    path: string,
    body: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    await connection.ask({
      method: 'PUT',
      path,
      ...(body === undefined ? {} : { body }),
      ...withSignal(signal),
    });
  };
  const get = async (path: string, signal?: AbortSignal): Promise<unknown> =>
    parseAnswer((await connection.ask({ method: 'GET', path, ...withSignal(signal) })).text);

  return {
    register: (body, signal) => put('v1/agent/service/register', body, signal),
    deregister: (id, signal) => put(`v1/agent/service/deregister/${segment(id)}`, undefined, signal),
    async confirm(id, signal) {
      await connection.ask({ method: 'GET', path: `v1/agent/service/${segment(id)}`, ...withSignal(signal) });
    },
    async report(checkId, status, note, signal) {
      const path = `v1/agent/check/${status}/${segment(checkId)}`;
      await connection.ask({
        method: 'PUT',
        path,
        query: { note: note || undefined },
        ...withSignal(signal),
      });
    },
    services: async (signal) => decodeServices(await get('v1/catalog/services', signal)),
    async instances(service, options = {}) {
      const answer = await connection.ask({
        method: 'GET',
        path: `v1/health/service/${segment(service)}`,
        query: {
          passing: options.passingOnly ? '1' : undefined,
          tag: options.tag,
          index: options.index,
          wait: options.waitMs === undefined ? undefined : `${options.waitMs}ms`,
        },
        ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
        ...withSignal(options.signal),
      });
      return { index: answer.index, instances: decodeInstances(parseAnswer(answer.text)) };
    },
    kv: kvOver(connection),
    get,
    async send(question) {
      const { text } = await connection.ask(question);
      return text === '' ? undefined : parseAnswer(text);
    },
  };
}
