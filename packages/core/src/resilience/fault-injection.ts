import type { Random } from '../base/clock.ts';

/** Faults put in on purpose, to see what the callers make of them. Envoy's fault filter; off without either part. */
export interface FaultPolicy {
  readonly delay?: { readonly percent: number; readonly delayMs: number };
  readonly abort?: { readonly percent: number; readonly status: number };
  /** Requests with a fault at the same time; beyond it requests pass. Default: no limit. */
  readonly maxActive?: number;
}

export interface InjectedFault {
  /** 0: none. */
  readonly delayMs: number;
  /** Answered after the delay, without asking any endpoint; 0: none. */
  readonly abortStatus: number;
}

const noFault: InjectedFault = Object.freeze({ delayMs: 0, abortStatus: 0 });

/** Draws for one request: delay and abort independently, so both may come. `active`: requests with a fault now. */
export function drawFault(policy: FaultPolicy, active: number, random: Random): InjectedFault {
  if (active >= (policy.maxActive ?? Number.POSITIVE_INFINITY)) return noFault;
  const delayMs = hits(policy.delay?.percent, random) ? (policy.delay?.delayMs ?? 0) : 0;
  const abortStatus = hits(policy.abort?.percent, random) ? (policy.abort?.status ?? 0) : 0;
  return delayMs === 0 && abortStatus === 0 ? noFault : { delayMs, abortStatus };
}

function hits(percent: number | undefined, random: Random): boolean {
  return percent !== undefined && percent > 0 && random() * 100 < percent;
}
