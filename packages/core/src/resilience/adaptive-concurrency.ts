import type { Random } from '../base/clock.ts';
import { SampleWindow } from './sample-window.ts';

/** Envoy's gradient controller. Percentages are of 100. */
export interface AdaptivePolicy {
  /** Which sample stands for a window. */
  readonly percentile: number;
  readonly maxConcurrency: number;
  readonly minConcurrency: number;
  /** How often the limit is computed. */
  readonly updateMs: number;
  /** How often the best latency is measured anew, plus at most `jitterPercent`, so that gateways do not all do it at once. */
  readonly measureMs: number;
  readonly jitterPercent: number;
  /** Responses that such a measurement takes. */
  readonly measureCount: number;
  /** So much above the best latency counts as good still. */
  readonly bufferPercent: number;
}

/** Envoy's defaults; the two intervals, which it leaves to the user, as in its example. */
export const adaptiveDefaults: AdaptivePolicy = Object.freeze({
  percentile: 50,
  maxConcurrency: 1_000,
  minConcurrency: 3,
  updateMs: 100,
  measureMs: 60_000,
  jitterPercent: 15,
  measureCount: 50,
  bufferPercent: 25,
});

/** So many windows in a row at the lowest limit mean that the best latency is out of date (Envoy). */
const maxLowWindows = 5;

type Phase =
  /** The lowest concurrency, to see how fast an endpoint is that has nothing to do. */
  | { readonly kind: 'measuring'; readonly sinceMs: number; readonly resumeAt: number }
  | { readonly kind: 'running'; readonly updateAtMs: number; readonly measureAtMs: number };

/**
 * Limits requests under way by how much slower they got than they can be: limit × gradient + √(limit × gradient), where gradient =
 * best latency × 1.25 ÷ latency, between 0.5 and 2. It needs no timer: time goes on with each call.
 */
export class AdaptiveConcurrency {
  readonly #policy: AdaptivePolicy;
  readonly #random: Random;
  readonly #samples = new SampleWindow();
  #phase: Phase;
  #limit: number;
  #underWay = 0;
  #bestMs = 0;
  #lowWindows = 0;

  constructor(policy: AdaptivePolicy, random: Random, nowMs: number) {
    this.#policy = policy;
    this.#random = random;
    this.#limit = policy.minConcurrency;
    this.#phase = { kind: 'measuring', sinceMs: nowMs, resumeAt: policy.minConcurrency };
  }

  get limit(): number {
    return this.#limit;
  }

  get underWay(): number {
    return this.#underWay;
  }

  get measuring(): boolean {
    return this.#phase.kind === 'measuring';
  }

  /** True: go on, and `release` or `cancel` must follow once. False: too many are under way (answer 503). */
  acquire(nowMs: number): boolean {
    this.#advance(nowMs);
    if (this.#underWay >= this.#limit) return false;
    this.#underWay++;
    return true;
  }

  /** A response that began at `startedMs` is complete. */
  release(startedMs: number, nowMs: number): void {
    this.#underWay--;
    const phase = this.#phase;
    // What was asked before the measurement had others beside it.
    if (phase.kind === 'measuring' && startedMs < phase.sinceMs) return;
    this.#samples.add(nowMs - startedMs);
    if (phase.kind === 'measuring' && this.#samples.count >= this.#policy.measureCount) {
      this.#measured(phase.resumeAt, nowMs);
    } else this.#advance(nowMs);
  }

  /** It ended without a response that says something. */
  cancel(): void {
    this.#underWay--;
  }

  #advance(nowMs: number): void {
    const phase = this.#phase;
    if (phase.kind === 'measuring') return;
    if (nowMs >= phase.measureAtMs) this.#measure(nowMs);
    else if (nowMs >= phase.updateAtMs) this.#update(phase.measureAtMs, nowMs);
  }

  #measure(nowMs: number): void {
    this.#phase = { kind: 'measuring', sinceMs: nowMs, resumeAt: this.#limit };
    this.#limit = this.#policy.minConcurrency;
    this.#lowWindows = 0;
    this.#samples.clear();
  }

  #measured(resumeAt: number, nowMs: number): void {
    const { percentile, updateMs, measureMs, jitterPercent } = this.#policy;
    this.#bestMs = this.#samples.percentile(percentile);
    this.#samples.clear();
    this.#limit = resumeAt;
    const jitterMs = (this.#random() * measureMs * jitterPercent) / 100;
    this.#phase = {
      kind: 'running',
      updateAtMs: nowMs + updateMs,
      measureAtMs: nowMs + measureMs + jitterMs,
    };
  }

  #update(measureAtMs: number, nowMs: number): void {
    const { percentile, updateMs, minConcurrency } = this.#policy;
    this.#phase = { kind: 'running', updateAtMs: nowMs + updateMs, measureAtMs };
    if (this.#samples.count === 0) return;
    const before = this.#limit;
    this.#limit = nextLimit(before, this.#bestMs, this.#samples.percentile(percentile), this.#policy);
    this.#samples.clear();
    const low = before === minConcurrency && this.#limit === minConcurrency;
    this.#lowWindows = low ? this.#lowWindows + 1 : 0;
    if (this.#lowWindows >= maxLowWindows) this.#measure(nowMs);
  }
}

/** The formula; a whole number. */
export function nextLimit(limit: number, bestMs: number, latencyMs: number, policy: AdaptivePolicy): number {
  const goodMs = bestMs * (1 + policy.bufferPercent / 100);
  // Of nothing measurable nothing can have got slower.
  const gradient = latencyMs === 0 ? 2 : Math.min(2, Math.max(0.5, goodMs / latencyMs));
  const scaled = limit * gradient;
  const wanted = Math.floor(scaled + Math.sqrt(scaled));
  return Math.min(policy.maxConcurrency, Math.max(policy.minConcurrency, wanted));
}
