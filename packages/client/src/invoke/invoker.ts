import { hashKey } from '@portolan/core/balance/hash-key.ts';
import type { Clock, Random } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Outcome as TryOutcome } from '@portolan/core/resilience/outlier.ts';
import { retryBackOffMs } from '@portolan/core/resilience/retry-back-off.ts';
import { decideRetry, type TryEnd } from '@portolan/core/resilience/retry-decision.ts';
import type { Directory } from '../discovery/directory.ts';
import type { Outcome, Transport } from '../http/transport.ts';
import { limits } from '../limits.ts';
import type { ServiceInstance } from '../registry/decode.ts';
import { sleep } from '../waiting.ts';
import { backOffOf } from './call-policy.ts';
import type { Member } from './member.ts';
import { type RepeatableRequest, repeatable, responseOf } from './message.ts';
import type { Pools } from './pools.ts';
import type { ServicePool } from './service-pool.ts';
import { parseTarget, type ServicePath, type Target } from './target.ts';

export interface InvokeContext {
  readonly directory: Directory;
  readonly pools: Pools;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  /** Aborts with the client. */
  readonly closed: AbortSignal;
}

export interface InvokeInit extends RequestInit {
  /** All tries together, until the response's headers; default 15 s. */
  readonly timeoutMs?: number;
  /** Tries after the first; default: the policy's. */
  readonly retries?: number;
  /** Calls with the same key go to the same instance, where the service is balanced by hash. */
  readonly hashKey?: string;
}

/** What one call is about. */
interface Call {
  readonly place: ServicePath;
  readonly request: RepeatableRequest;
  readonly pool: ServicePool;
  readonly retries: number;
  readonly keyHash: number | undefined;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/**
 * Sends a request to an instance of the service that `target` names. Goes to another instance when nothing was sent yet, or
 * when the method is idempotent and no answer began, unless the policy says otherwise. Rejects with a `Fault`.
 */
export async function invoke(context: InvokeContext, target: Target, init: InvokeInit): Promise<Response> {
  const { timeoutMs = limits.invokeTimeoutMs, retries, hashKey: key, ...standard } = init;
  const place = parseTarget(target);
  const pool = context.pools.of(place.service);
  const request = await repeatable(place.service, standard);
  const deadline = new AbortController();
  const cancelTimer = context.clock.after(timeoutMs, () =>
    deadline.abort(new Fault('timeout', `'${place.service}' did not answer within ${timeoutMs} ms`)),
  );
  const signals = [context.closed, deadline.signal];
  if (init.signal) signals.push(init.signal);
  if (!pool.breaker.acquire('requests')) {
    cancelTimer();
    const most = pool.policy.maxRequests;
    throw new Fault('unavailable', `${most} calls to '${place.service}' are under way: no more are begun`);
  }
  try {
    return await tryInstances(context, {
      ...{ place, request, pool, retries: retries ?? pool.policy.retries },
      keyHash: key === undefined ? undefined : hashKey(key),
      deadlineMs: context.clock.monotonicMs() + timeoutMs,
      signal: AbortSignal.any(signals),
    });
  } finally {
    pool.breaker.release('requests');
    // Only the headers are under this deadline; the body is the caller's, who may have a signal of their own.
    cancelTimer();
  }
}

async function tryInstances(context: InvokeContext, call: Call): Promise<Response> {
  const { place, request, pool, signal } = call;
  const tried = new Set<Member>();
  let holdsRetry = false;
  try {
    for (let attempt = 0; ; attempt += 1) {
      const instances = await context.directory.resolve(place.service, signal);
      const member = pool.choose(instances, tried, call.keyHash);
      if (member === undefined) {
        throw new Fault('unavailable', `no healthy instance of '${place.service}' is registered`);
      }
      tried.add(member);
      const outcome = await sendTo(context, member, call);
      const delayMs = retryDelayMs(context, call, outcome, attempt);
      const again = delayMs >= 0 && !signal.aborted && (holdsRetry || pool.breaker.acquire('retries'));
      if (outcome.outcome === 'response') {
        if (!again) return responseOf(request.method, outcome);
        outcome.body.destroy();
      } else if (!again) {
        throw outcome.fault;
      }
      holdsRetry = true;
      if (delayMs > 0) await sleep(context.clock, delayMs, signal);
    }
  } finally {
    if (holdsRetry) pool.breaker.release('retries');
  }
}

/** One try, on the instance's account. */
async function sendTo(context: InvokeContext, member: Member, call: Call): Promise<Outcome> {
  const { pool, signal } = call;
  const startMs = context.clock.monotonicMs();
  pool.tryBegan(member);
  const outcome = await send(context.transport, member.instance, call);
  const said = signal.aborted ? undefined : outcomeOf(outcome);
  pool.tryEnded(member, said, context.clock.monotonicMs() - startMs);
  return outcome;
}

/** After how long another try follows; -1: none does. */
function retryDelayMs(context: InvokeContext, call: Call, outcome: Outcome, attempt: number): number {
  const { policy } = call.pool;
  const end = tryEndOf(outcome);
  const rules = { on: policy.retryOn, retries: call.retries, statuses: policy.retryStatuses };
  const remainingMs = call.deadlineMs - context.clock.monotonicMs();
  const decision = decideRetry(rules, end, {
    ...{ retried: attempt, idempotent: call.request.idempotent, remainingMs },
    ...{ replayable: true, responseStarted: false },
  });
  if (decision !== 'retry') return -1;
  if (policy.backOff === undefined && end.kind === 'connect-failure') return 0;
  return Math.min(remainingMs, retryBackOffMs(attempt + 1, backOffOf(policy), context.random));
}

function tryEndOf(outcome: Outcome): TryEnd {
  if (outcome.outcome === 'response') return { kind: 'response', status: outcome.status };
  if (!outcome.sent) return { kind: 'connect-failure' };
  return { kind: outcome.fault.code === 'timeout' ? 'try-timeout' : 'reset' };
}

/** What a try says about its instance; undefined: nothing. */
function outcomeOf(outcome: Outcome): TryOutcome | undefined {
  if (outcome.outcome === 'response') {
    if (outcome.status < 500) return 'ok';
    return outcome.status >= 502 && outcome.status <= 504 ? 'gateway-error' : 'server-error';
  }
  if (!outcome.sent) return 'refused';
  if (outcome.fault.code === 'timeout') return 'no-answer';
  // A kept-alive connection that broke is no proof that the instance is gone.
  return outcome.reused ? undefined : 'local-failure';
}

function send(transport: Transport, instance: ServiceInstance, call: Call): Promise<Outcome> {
  const { request, place, signal, pool } = call;
  const host = instance.address.includes(':') ? `[${instance.address}]` : instance.address;
  const origin = `http://${host}:${instance.port}`;
  if (!URL.canParse(place.path, origin)) {
    throw new Fault('invalid', `'${instance.id}' cannot be called: ${origin}${place.path} is not a URL`);
  }
  return transport.send({
    method: request.method,
    url: new URL(origin + place.path),
    headers: request.headers,
    ...(request.body === undefined ? {} : { body: request.body }),
    connectTimeoutMs: limits.connectTimeoutMs,
    responseTimeoutMs: pool.policy.tryTimeoutMs,
    signal,
  });
}
