import type { Clock, Random } from '@portolan/core/base/clock.ts';
import type { ClusterState } from '../cluster-state.ts';
import type { PasswordChecker } from './basic-auth/password-checker.ts';
import type { Subrequests } from './external-auth/subrequest.ts';
import type { LimitMemory } from './limit-memory.ts';

/** What policies are made with. */
export interface PolicyEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly passwords: PasswordChecker;
  readonly memory: LimitMemory;
  readonly subrequests: Subrequests;
  /** Workers that share the gateway's connections, this one among them. */
  readonly workers: number;
  /** The same object for a name always. */
  clusterOf(name: string): ClusterState;
}
