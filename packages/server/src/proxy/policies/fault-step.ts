import type { Clock, Random } from '@portolan/core/base/clock.ts';
import { drawFault } from '@portolan/core/resilience/fault-injection.ts';
import type { FaultPolicy } from '@portolan/core/traffic/model.ts';
import { isGrpc } from '../grpc-reply.ts';
import type { RequestView } from '../request-view.ts';
import { type Decision, type Denial, denial, type PolicyState, type PolicyStep } from './step.ts';

/** Requests of a route that are held up at once; more pass at once: a delay must not gather all the clients there are. */
const maxActive = 1_000;

/** No timer can be set for more than 24 days. */
const longestDelayMs = 3_600_000;

/** Puts in delays and failures on purpose. */
export class FaultStep implements PolicyStep {
  readonly credential = false;
  readonly #policy: FaultPolicy;
  readonly #clock: Clock;
  readonly #random: Random;
  #active = 0;

  constructor(policy: FaultPolicy, clock: Clock, random: Random) {
    this.#policy = policy;
    this.#clock = clock;
    this.#random = random;
  }

  check(_request: unknown, state: PolicyState): Denial | Decision | undefined {
    const { delay, abort } = this.#policy;
    const drawn = drawFault(
      {
        maxActive,
        ...(delay === undefined
          ? {}
          : { delay: { percent: delay.percent, delayMs: Math.min(delay.ms, longestDelayMs) } }),
        ...(abort === undefined ? {} : { abort }),
      },
      this.#active,
      this.#random,
    );
    const aborted = drawn.abortStatus === 0 ? undefined : this.#aborted(drawn.abortStatus, state.view);
    return drawn.delayMs === 0 ? aborted : this.#delayed(drawn.delayMs, aborted, state);
  }

  #delayed(delayMs: number, then: Denial | undefined, state: PolicyState): Decision {
    this.#active++;
    state.releases.push(() => {
      this.#active--;
    });
    return (settle) => this.#clock.after(delayMs, () => settle(then));
  }

  /** gRPC clients are told in gRPC's way: HTTP 200 and a status of its own. */
  #aborted(status: number, view: RequestView): Denial {
    const { grpcStatus } = this.#policy.abort ?? {};
    if (!isGrpc(view.head) || grpcStatus === undefined)
      return denial(status, 'fault-abort', 'fault filter abort');
    const lines = `grpc-status: ${grpcStatus}\r\ngrpc-message: fault filter abort\r\n`;
    return { status: 200, code: 'fault-abort', body: '', contentType: 'application/grpc', lines };
  }
}
