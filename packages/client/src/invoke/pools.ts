import { type CallPolicy, callPolicyOf } from './call-policy.ts';
import { type PoolContext, ServicePool } from './service-pool.ts';

/** Services whose instances are remembered; past it they start anew. */
const maxPools = 4_096;

export interface CallPolicies {
  /** For every service. */
  readonly calls?: CallPolicy;
  /** For services by name, before `calls`. */
  readonly services?: Readonly<Record<string, CallPolicy>>;
}

/** The pool of each service that was called. */
export class Pools {
  readonly #policies: CallPolicies;
  readonly #context: PoolContext;
  readonly #pools = new Map<string, ServicePool>();

  /** Throws a `Fault` (`invalid`) for a policy that cannot be. */
  constructor(policies: CallPolicies, context: PoolContext) {
    this.#policies = policies;
    this.#context = context;
    callPolicyOf(policies.calls);
    for (const policy of Object.values(policies.services ?? {})) callPolicyOf(policies.calls, policy);
  }

  of(service: string): ServicePool {
    let pool = this.#pools.get(service);
    if (pool === undefined) {
      if (this.#pools.size >= maxPools) this.#pools.clear();
      const { calls, services = {} } = this.#policies;
      const own = Object.hasOwn(services, service) ? services[service] : undefined;
      pool = new ServicePool(callPolicyOf(calls, own), this.#context);
      this.#pools.set(service, pool);
    }
    return pool;
  }
}
