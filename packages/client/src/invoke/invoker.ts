import type { Clock } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Directory } from '../discovery/directory.ts';
import type { Outcome, Transport } from '../http/transport.ts';
import { limits } from '../limits.ts';
import type { ServiceInstance } from '../registry/decode.ts';
import type { Chooser } from './chooser.ts';
import { type RepeatableRequest, repeatable, responseOf } from './message.ts';
import { parseTarget, type ServicePath, type Target } from './target.ts';

export interface InvokeContext {
  readonly directory: Directory;
  readonly chooser: Chooser;
  readonly transport: Transport;
  readonly clock: Clock;
  /** Aborts with the client. */
  readonly closed: AbortSignal;
}

export interface InvokeInit extends RequestInit {
  /** All tries together, until the response's headers; default 15 s. */
  readonly timeoutMs?: number;
  /** Tries after the first; default 2. */
  readonly retries?: number;
}

/**
 * Sends a request to an instance of the service that `target` names. Goes to another instance when nothing was sent yet, or
 * when the method is idempotent and no answer began. Rejects with a `Fault`.
 */
export async function invoke(context: InvokeContext, target: Target, init: InvokeInit): Promise<Response> {
  const { timeoutMs = limits.invokeTimeoutMs, retries = limits.maxRetries, ...standard } = init;
  const place = parseTarget(target);
  const request = await repeatable(place.service, standard);
  const deadline = new AbortController();
  const cancelTimer = context.clock.after(timeoutMs, () =>
    deadline.abort(new Fault('timeout', `'${place.service}' did not answer within ${timeoutMs} ms`)),
  );
  const signals = [context.closed, deadline.signal];
  if (init.signal) signals.push(init.signal);
  try {
    return await tryInstances(context, place, request, retries, AbortSignal.any(signals));
  } finally {
    // Only the headers are under this deadline; the body is the caller's, who may have a signal of their own.
    cancelTimer();
  }
}

async function tryInstances(
  context: InvokeContext,
  place: ServicePath,
  request: RepeatableRequest,
  retries: number,
  signal: AbortSignal,
): Promise<Response> {
  const tried = new Set<ServiceInstance>();
  for (let attempt = 0; ; attempt += 1) {
    const instances = await context.directory.resolve(place.service, signal);
    const instance = context.chooser.choose(place.service, instances, tried);
    if (instance === undefined) {
      throw new Fault('unavailable', `no healthy instance of '${place.service}' is registered`);
    }
    tried.add(instance);
    const outcome = await send(context.transport, instance, place.path, request, signal);
    if (outcome.outcome === 'response') {
      context.chooser.succeeded(instance);
      return responseOf(request.method, outcome);
    }
    if (signal.aborted) throw outcome.fault;
    // A kept-alive connection that broke is no proof that the instance is gone.
    if (!outcome.reused) context.chooser.failed(instance);
    if (attempt >= retries || (outcome.sent && !request.idempotent)) throw outcome.fault;
  }
}

function send(
  transport: Transport,
  instance: ServiceInstance,
  path: string,
  request: RepeatableRequest,
  signal: AbortSignal,
): Promise<Outcome> {
  const host = instance.address.includes(':') ? `[${instance.address}]` : instance.address;
  const origin = `http://${host}:${instance.port}`;
  if (!URL.canParse(path, origin)) {
    throw new Fault('invalid', `'${instance.id}' cannot be called: ${origin}${path} is not a URL`);
  }
  return transport.send({
    method: request.method,
    url: new URL(origin + path),
    headers: request.headers,
    ...(request.body === undefined ? {} : { body: request.body }),
    connectTimeoutMs: limits.connectTimeoutMs,
    responseTimeoutMs: limits.tryTimeoutMs,
    signal,
  });
}
