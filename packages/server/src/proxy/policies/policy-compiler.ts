import type { Clock, Random } from '@portolan/core/base/clock.ts';
import type { Route } from '@portolan/core/traffic/model.ts';
import type { ClusterState } from '../cluster-state.ts';
import type { ConnectGuard } from '../connect-guard.ts';
import type { RoutePolicy } from '../route-policy.ts';
import { PasswordChecker } from './basic-auth/password-checker.ts';
import { compilePolicy } from './compile-policy.ts';
import type { PolicyEnvironment } from './environment.ts';
import { Subrequests } from './external-auth/subrequest.ts';
import { LimitMemory } from './limit-memory.ts';

/** Makes the policies of a worker's routes, and holds what they share. */
export class PolicyCompiler {
  readonly #environment: PolicyEnvironment;
  readonly #passwords: PasswordChecker;
  readonly #subrequests: Subrequests;

  /** @param options.workers that share the gateway's connections, this one among them */
  constructor(options: {
    readonly clock: Clock;
    readonly random: Random;
    readonly guard: ConnectGuard;
    readonly workers: number;
    readonly clusterOf: (name: string) => ClusterState;
  }) {
    const { clock, random, guard, workers, clusterOf } = options;
    this.#passwords = new PasswordChecker(clock);
    this.#subrequests = new Subrequests(guard, clock);
    const [passwords, subrequests] = [this.#passwords, this.#subrequests];
    const memory = new LimitMemory();
    this.#environment = { clock, random, workers, clusterOf, passwords, subrequests, memory };
  }

  /** Undefined: the route asks for nothing but to be sent on. */
  policyOf(route: Route): RoutePolicy | undefined {
    return compilePolicy(route, this.#environment);
  }

  close(): void {
    this.#passwords.close();
    this.#subrequests.close();
  }
}
