import { hashKey } from '@portolan/core/balance/hash-key.ts';
import type { Clock, Random } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import { openDirectory } from './discovery/directory.ts';
import { nodeTransport } from './http/node-transport.ts';
import type { Transport } from './http/transport.ts';
import type { CallPolicy } from './invoke/call-policy.ts';
import { type InvokeInit, invoke } from './invoke/invoker.ts';
import { Pools } from './invoke/pools.ts';
import type { Target } from './invoke/target.ts';
import { limits } from './limits.ts';
import type { Registration } from './registration/definition.ts';
import { keepRegistered, type Registered } from './registration/keeper.ts';
import { connectRegistry } from './registry/connection.ts';
import type { ServiceInstance } from './registry/decode.ts';
import { type Registry, registryOver } from './registry/registry.ts';
import { systemClock } from './system-clock.ts';

export interface ClientOptions {
  /** The registry: `http://127.0.0.1:8500`, or a bare `host:port`. */
  readonly server: string;
  readonly token?: string;
  /** One question to the registry, blocking reads apart; default 10 s. */
  readonly timeoutMs?: number;
  /** How often an instance without a TTL check makes sure that the registry still has it; default 10 s. */
  readonly confirmIntervalMs?: number;
  /** Told of every failure that the client goes on trying to mend in the background. Must not throw. */
  readonly onProblem?: (problem: Fault) => void;
  /** How services are called: balancing, retries, limits, who is left out. */
  readonly calls?: CallPolicy;
  /** The same for single services, by name; what is not said there is as in `calls`. */
  readonly services?: Readonly<Record<string, CallPolicy>>;
  readonly transport?: Transport;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface ChooseOptions extends CallOptions {
  /** Where the service is balanced by hash: the same key, the same instance. */
  readonly hashKey?: string;
}

export interface RegisterOptions extends CallOptions {
  /** Goes on trying while the registry cannot be reached, until the signal aborts. Default: rejects at once. */
  readonly waitForServer?: boolean;
}

/**
 * What an application holds. `register` and the rest keep working in the background through restarts of the registry.
 * Every method rejects with a `Fault`.
 */
export interface Client {
  /** Registers, renews, and registers again if the registry forgot. */
  register(registration: Registration, options?: RegisterOptions): Promise<Registered>;
  /** The passing instances. The first call asks; from then on a blocking read keeps the list, and this returns it at once. */
  resolve(service: string, options?: CallOptions): Promise<readonly ServiceInstance[]>;
  /** The passing instance that the service's balancing gives; `unavailable` if there is none. */
  choose(service: string, options?: ChooseOptions): Promise<ServiceInstance>;
  /** `fetch` by service name: `client.fetch('http://reviews/reviews/0')`. */
  fetch(target: Target, init?: InvokeInit): Promise<Response>;
  /** The registry's own questions, one by one. */
  readonly registry: Registry;
  /** Deregisters what was registered (unless told not to) and resolves when no socket and no timer is left. */
  close(options?: { deregister?: boolean }): Promise<void>;
}

export function createClient(options: ClientOptions): Client {
  const clock = options.clock ?? systemClock;
  const random = options.random ?? Math.random;
  const transport = options.transport ?? nodeTransport(clock);
  const onProblem = options.onProblem ?? (() => {});
  const registry = registryOver(connectRegistry(transport, options));
  const directory = openDirectory({ registry, clock, random, onProblem });
  const pools = new Pools(options, { clock, random });
  const closing = new AbortController();
  const registered = new Set<Registered>();
  let closed: Promise<void> | undefined;

  const resolve: Client['resolve'] = async (service, call = {}) => {
    refuseWhenClosed(closing.signal);
    const deadline = new AbortController();
    const cancelTimer = clock.after(limits.resolveTimeoutMs, () =>
      deadline.abort(
        new Fault('timeout', `no answer about '${service}' within ${limits.resolveTimeoutMs} ms`),
      ),
    );
    const signals = [deadline.signal, closing.signal];
    if (call.signal !== undefined) signals.push(call.signal);
    try {
      return await directory.resolve(service, AbortSignal.any(signals));
    } finally {
      cancelTimer();
    }
  };

  return {
    registry,
    resolve,
    async register(registration, call = {}) {
      refuseWhenClosed(closing.signal);
      if (registered.size >= limits.maxRegistrations) {
        throw new Fault('too-large', `one client keeps at most ${limits.maxRegistrations} registrations`);
      }
      const context = {
        registry,
        clock,
        random,
        onProblem,
        closed: closing.signal,
        confirmIntervalMs: options.confirmIntervalMs ?? limits.confirmIntervalMs,
      };
      const kept = await keepRegistered(context, registration, call);
      const handle: Registered = {
        ...kept,
        async deregister(deregisterOptions) {
          registered.delete(handle);
          await kept.deregister(deregisterOptions);
        },
      };
      registered.add(handle);
      return handle;
    },
    async choose(service, call) {
      const keyHash = call?.hashKey === undefined ? undefined : hashKey(call.hashKey);
      const member = pools.of(service).choose(await resolve(service, call), nobody, keyHash);
      if (member === undefined) {
        throw new Fault('unavailable', `no healthy instance of '${service}' is registered`);
      }
      return member.instance;
    },
    async fetch(target, init = {}) {
      refuseWhenClosed(closing.signal);
      return invoke({ directory, pools, transport, clock, random, closed: closing.signal }, target, init);
    },
    close({ deregister = true } = {}) {
      closed ??= (async () => {
        if (deregister) await deregisterAll(clock, registered, onProblem);
        closing.abort(new Fault('cancelled', 'the client is closed'));
        await directory.close();
        await transport.close();
      })();
      return closed;
    },
  };
}

const nobody: ReadonlySet<never> = new Set();

function refuseWhenClosed(closed: AbortSignal): void {
  if (closed.aborted) throw new Fault('cancelled', 'the client is closed');
}

/** As many as can be within the time that a closing process has. */
async function deregisterAll(
  clock: Clock,
  registered: ReadonlySet<Registered>,
  onProblem: (problem: Fault) => void,
): Promise<void> {
  const deadline = new AbortController();
  const cancelTimer = clock.after(limits.closeTimeoutMs, () =>
    deadline.abort(new Fault('timeout', 'the registry did not take the deregistration in time')),
  );
  await Promise.all(
    Array.from(registered, (one) =>
      one.deregister({ signal: deadline.signal }).catch((thrown) => onProblem(Fault.from(thrown))),
    ),
  );
  cancelTimer();
}
