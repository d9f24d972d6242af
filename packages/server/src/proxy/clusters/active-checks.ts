import type { Random } from '@portolan/core/base/clock.ts';
import type { ActiveCheck } from '@portolan/core/traffic/model.ts';
import type { EndpointState } from '../endpoint-state.ts';
import type { CheckGate } from './check-gate.ts';
import { type ProbeContext, runCheck } from './check-probe.ts';
import { newCheckRecord, noteCheck } from './check-thresholds.ts';

export interface ChecksContext extends ProbeContext {
  readonly random: Random;
  readonly gate: CheckGate;
}

/** What comes of checks. */
export interface ChecksOwner {
  onChecked(endpoint: EndpointState, passed: boolean): void;
  /** Availability changed. */
  onCheckChange(): void;
}

/** The first check of an endpoint comes within this time, so that those of a whole list do not come at once. */
const firstWithinMs = 1_000;
/** A cluster that nobody uses is checked this often at most (Envoy's `no_traffic_interval`), and counts as unused after as long. */
const unusedIntervalMs = 60_000;
/** Of the interval, either way. */
const jitter = 0.1;

/** The data plane's own probes of one cluster. Each worker makes its own. */
export class ActiveChecks {
  readonly #context: ChecksContext;
  readonly #owner: ChecksOwner;
  #policy: ActiveCheck | undefined;
  #settings = '';
  #states: readonly EndpointState[] = [];
  #usedAtMs = Number.NEGATIVE_INFINITY;

  constructor(context: ChecksContext, owner: ChecksOwner) {
    this.#context = context;
    this.#owner = owner;
  }

  configure(policy: ActiveCheck | undefined, states: readonly EndpointState[]): void {
    const settings = policy === undefined ? '' : JSON.stringify(policy);
    // Other questions, other answers: what the old ones gave is forgotten.
    if (settings !== this.#settings) for (const state of this.#states) forget(state);
    this.#settings = settings;
    this.#policy = policy;
    this.#states = states;
  }

  /** @param used whether somebody asked the cluster since the last time. Returns whether there is more to do later. */
  sweep(nowMs: number, used: boolean): boolean {
    const policy = this.#policy;
    if (policy === undefined || this.#states.length === 0) return false;
    if (used) this.#usedAtMs = nowMs;
    const inUse = nowMs - this.#usedAtMs < unusedIntervalMs;
    for (const state of this.#states) {
      const { check } = state;
      if (check.atMs === Number.NEGATIVE_INFINITY) {
        check.atMs = nowMs + this.#context.random() * Math.min(firstWithinMs, policy.intervalMs);
      }
      if (nowMs < check.atMs && !(inUse && check.atMs - nowMs > (1 + jitter) * policy.intervalMs)) continue;
      if (check.cancel === undefined) this.#check(state, policy, nowMs, inUse);
    }
    return true;
  }

  #check(endpoint: EndpointState, policy: ActiveCheck, nowMs: number, inUse: boolean): void {
    const { gate, random } = this.#context;
    if (!gate.enter()) return;
    const { check } = endpoint;
    const intervalMs = inUse ? policy.intervalMs : Math.max(policy.intervalMs, unusedIntervalMs);
    check.atMs = nowMs + intervalMs * (1 - jitter + 2 * jitter * random());
    const cancel = runCheck(endpoint, policy, this.#context, (passed) => {
      check.cancel = undefined;
      gate.leave();
      this.#note(endpoint, policy, passed);
    });
    check.cancel = () => {
      check.cancel = undefined;
      gate.leave();
      cancel();
    };
  }

  #note(endpoint: EndpointState, policy: ActiveCheck, passed: boolean): void {
    const before = endpoint.check.state;
    const changed = noteCheck(endpoint.check, passed, policy);
    this.#owner.onChecked(endpoint, passed);
    if (!changed) return;
    // Who comes back is as cold as who is new.
    if (before === 'failing') endpoint.startedMs = this.#context.clock.monotonicMs();
    this.#owner.onCheckChange();
  }
}

function forget(state: EndpointState): void {
  state.check.cancel?.();
  Object.assign(state.check, newCheckRecord());
}
