import type { Clock, Random } from '@portolan/core/base/clock.ts';
import { forgetSilence, isHanging } from '@portolan/core/resilience/hang-detection.ts';
import { type Outcome, OutlierDetector } from '@portolan/core/resilience/outlier.ts';
import { comparedOutliers, outlierStatisticsDefaults } from '@portolan/core/resilience/outlier-statistics.ts';
import type { OutlierDetection } from '@portolan/core/traffic/model.ts';
import type { ConnectGuard } from '../connect-guard.ts';
import type { EndpointState } from '../endpoint-state.ts';
import { UpstreamConnection } from '../upstream-connection.ts';

export interface OutlierContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly guard: ConnectGuard;
}

/** An ejected endpoint is tried after this long, then ever more rarely. */
const firstProbeMs = 250;
const slowestProbeMs = 5_000;

/** Passive health of one cluster: who is ejected for what came of requests, and who comes back. */
export class OutlierWatch {
  readonly #context: OutlierContext;
  readonly #onChange: () => void;
  readonly #usualMs: () => number;
  #policy: OutlierDetection | undefined;
  #detector: OutlierDetector | undefined;
  #states: readonly EndpointState[] = [];
  #compareAtMs = 0;
  #comparable = false;

  /**
   * @param onChange availability changed
   * @param usualMs what nine of ten requests take at most
   */
  constructor(context: OutlierContext, onChange: () => void, usualMs: () => number) {
    this.#usualMs = usualMs;
    this.#context = context;
    this.#onChange = onChange;
  }

  /** How many are ejected. */
  get ejected(): number {
    return this.#detector?.ejected ?? 0;
  }

  /** @param evenly whether requests are spread so that one endpoint's are like another's */
  configure(policy: OutlierDetection | undefined, states: readonly EndpointState[], evenly: boolean): void {
    const { clock, random } = this.#context;
    const consecutive = policy?.consecutiveGatewayFailures ?? 0;
    const gateway = { consecutive, enforcingPercent: consecutive > 0 ? 100 : 0 };
    if (this.#compares && this.#policy === undefined) this.#compareAtMs = clock.monotonicMs();
    this.#policy = policy;
    this.#comparable = evenly && (policy?.consecutiveLocalFailures ?? 0) > 0;
    this.#detector = policy === undefined ? undefined : new OutlierDetector(policy, gateway, random);
    this.#states = states;
    for (const state of states) this.#detector?.adopt(state.record);
  }

  /** Notes what came of a try; true when it ejected the endpoint just now. */
  outcome(endpoint: EndpointState, outcome: Outcome): boolean {
    const { tally, record } = endpoint;
    tally.total++;
    if (outcome !== 'ok') endpoint.failures++;
    else {
      tally.succeeded++;
      if (record.state.kind === 'in' && isClean(endpoint)) return false;
    }
    const nowMs = this.#context.clock.monotonicMs();
    if (this.#detector?.report(record, outcome, this.#states.length, nowMs) !== true) return false;
    this.#ejected(endpoint, nowMs);
    return true;
  }

  /** Lets those back whose time is over, tries the others, compares all. Returns how many it ejected, and whether it has more to do. */
  sweep(nowMs: number): { readonly ejected: number; readonly watching: boolean } {
    const compares = this.#compares;
    let ejected = compares && nowMs >= this.#compareAtMs ? this.#compare(nowMs) : 0;
    if (this.#comparable) ejected += this.#ejectHanging(nowMs);
    if (this.ejected === 0) return { ejected, watching: compares };
    let changed = false;
    for (const endpoint of this.#states) {
      if (endpoint.record.state.kind !== 'ejected') continue;
      if (this.#detector?.expire(endpoint.record, nowMs) === true) changed = true;
      else if (nowMs >= endpoint.probeAtMs) this.#probe(endpoint, nowMs);
    }
    if (changed) this.#onChange();
    return { ejected, watching: compares || this.ejected > 0 };
  }

  get #compares(): boolean {
    const policy = this.#policy;
    return policy?.successRate !== undefined || policy?.failurePercentage !== undefined;
  }

  #compare(nowMs: number): number {
    const policy = this.#policy;
    const intervalMs = policy?.intervalMs ?? outlierStatisticsDefaults.intervalMs;
    this.#compareAtMs = nowMs + intervalMs;
    if (policy === undefined) return 0;
    let ejected = 0;
    const tallies = this.#states.map(({ tally }) => tally);
    for (const index of comparedOutliers(policy, tallies)) {
      const state = this.#states[index] as EndpointState;
      if (this.#detector?.eject(state.record, 'server-error', this.#states.length, nowMs) !== true) continue;
      this.#ejected(state, nowMs);
      ejected++;
    }
    for (const { tally } of this.#states) {
      tally.total = 0;
      tally.succeeded = 0;
    }
    return ejected;
  }

  #ejectHanging(nowMs: number): number {
    const states = this.#states;
    const consecutive = this.#policy?.consecutiveLocalFailures ?? 0;
    let heard = 0;
    for (let index = 0; index < states.length; index++) heard += (states[index] as EndpointState).heard;
    let ejected = 0;
    const counts = { heard: 0, asked: 0, underWay: 0, others: 0 };
    for (let index = 0; index < states.length; index++) {
      const state = states[index] as EndpointState;
      const { record, silence } = state;
      if (record.state.kind === 'ejected') {
        forgetSilence(silence);
        continue;
      }
      counts.heard = state.heard;
      counts.asked = state.requests;
      counts.underWay = state.load.active;
      counts.others = heard - state.heard;
      const enough = record.state.kind === 'trial' ? 1 : consecutive;
      if (!isHanging(silence, counts, enough, this.#usualMs, nowMs)) continue;
      if (this.#detector?.eject(record, 'no-answer', states.length, nowMs) !== true) continue;
      this.#ejected(state, nowMs);
      ejected++;
    }
    return ejected;
  }

  #ejected(endpoint: EndpointState, nowMs: number): void {
    endpoint.probes = 0;
    endpoint.probeAtMs = nowMs + firstProbeMs;
    endpoint.closeIdle(Number.POSITIVE_INFINITY);
    this.#onChange();
  }

  /** One connection, no request: an endpoint that was only unreachable comes back as soon as it can be reached. */
  #probe(endpoint: EndpointState, nowMs: number): void {
    const { guard, random } = this.#context;
    endpoint.probes++;
    const backOffMs = Math.min(slowestProbeMs, firstProbeMs * 2 ** endpoint.probes);
    endpoint.probeAtMs = nowMs + backOffMs * (0.5 + random() / 2);
    endpoint.probe?.destroy();
    const probe: UpstreamConnection = new UpstreamConnection(endpoint, guard, {
      onUpstreamConnected: () => {
        probe.destroy();
        if (!endpoint.retired && this.#detector?.probed(endpoint.record) === true) this.#onChange();
      },
      onUpstreamBytes: () => undefined,
      onUpstreamEnd: () => undefined,
      onUpstreamDrain: () => undefined,
      onUpstreamClose: () => undefined,
    });
    endpoint.probe = probe;
  }
}

function isClean({ record }: EndpointState): boolean {
  return record.consecutive5xx === 0 && record.consecutiveLocalFailures === 0;
}
