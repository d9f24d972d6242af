import type { Random } from '../base/clock.ts';
import type { OutlierDetection } from '../traffic/model.ts';

/** What came of one request to one endpoint. */
export type Outcome =
  | 'ok'
  /** The endpoint answered 5xx. */
  | 'server-error'
  /** The same with 502, 503 or 504: what is behind the endpoint may be to blame. */
  | 'gateway-error'
  /** It could not be connected to. Certain: nobody listens there, and no other endpoint's guilt. */
  | 'refused'
  /** A reset before the response, a connection that could not be made in time. */
  | 'local-failure'
  /** None in time, or none that is valid. A local failure too; but that it takes connections does not mean that it is well again. */
  | 'no-answer';

/** Passive health of one endpoint. Kept by the cluster as long as the endpoint lives. */
export interface OutlierRecord {
  consecutiveLocalFailures: number;
  consecutive5xx: number;
  consecutiveGatewayFailures: number;
  /** How often it was ejected lately: each time longer. */
  ejections: number;
  state: OutlierState;
}

export type OutlierState =
  | { readonly kind: 'in' }
  /** Gets no requests until then (monotonic), or until a probe succeeded. */
  | { readonly kind: 'ejected'; readonly untilMs: number; readonly cause: Outcome }
  /** Back on trial: the next outcome decides. */
  | { readonly kind: 'trial' };

export function newOutlierRecord(): OutlierRecord {
  return {
    consecutiveLocalFailures: 0,
    consecutive5xx: 0,
    consecutiveGatewayFailures: 0,
    ejections: 0,
    state: inRotation,
  };
}

/** A count of its own for 502, 503 and 504. As in Envoy it is not enforced unless asked for. */
export interface GatewayFailurePolicy {
  readonly consecutive: number;
  /** How many of a hundred detections eject; 0: off. */
  readonly enforcingPercent: number;
}

/** Envoy's. */
export const gatewayFailureDefaults: GatewayFailurePolicy = Object.freeze({
  consecutive: 5,
  enforcingPercent: 0,
});

const inRotation: OutlierState = Object.freeze({ kind: 'in' });
const onTrial: OutlierState = Object.freeze({ kind: 'trial' });

/**
 * Outlier detection of one cluster: Envoy's consecutive-5xx, gateway-failure and local-origin detectors, with two differences. A
 * refused connection ejects at once and does not count against `maxEjectionPercent`, since there is no doubt; and an endpoint that
 * comes back is on trial: one more failure ejects it again, for longer. Pure: time comes in as an argument.
 */
export class OutlierDetector {
  readonly #policy: OutlierDetection;
  readonly #gateway: GatewayFailurePolicy;
  readonly #random: Random;
  #ejected = 0;

  /** `random` matters only where `enforcingPercent` is neither 0 nor 100. */
  constructor(
    policy: OutlierDetection,
    gateway: GatewayFailurePolicy = gatewayFailureDefaults,
    random: Random = () => 0,
  ) {
    this.#policy = policy;
    this.#gateway = gateway;
    this.#random = random;
  }

  /** How many of the cluster's endpoints are ejected. */
  get ejected(): number {
    return this.#ejected;
  }

  /** Takes over the record of an endpoint that stays while the cluster's settings or other endpoints change. */
  adopt(record: OutlierRecord): void {
    if (record.state.kind === 'ejected') this.#ejected++;
  }

  /** Notes an outcome; true when it ejected the endpoint just now. `size` is the number of endpoints of the cluster. */
  report(record: OutlierRecord, outcome: Outcome, size: number, nowMs: number): boolean {
    switch (outcome) {
      case 'ok':
        return this.#succeed(record);
      case 'server-error':
      case 'gateway-error': {
        record.consecutiveLocalFailures = 0;
        const failures = ++record.consecutive5xx;
        const gateway = this.#gatewayFails(record, outcome);
        const { consecutive5xx } = this.#policy;
        if (consecutive5xx === 0 && !gateway) return false;
        return this.#judge(record, outcome, gateway || failures >= consecutive5xx, size, nowMs);
      }
      case 'refused':
      case 'local-failure':
      case 'no-answer': {
        const failures = ++record.consecutiveLocalFailures;
        const { consecutiveLocalFailures } = this.#policy;
        if (consecutiveLocalFailures === 0) return false;
        const passed = outcome === 'refused' || failures >= consecutiveLocalFailures;
        return this.#judge(record, outcome, passed, size, nowMs);
      }
    }
  }

  /**
   * Ejects an endpoint that was found out in another way, such as by comparison with the others (`outlier-statistics.ts`); true when
   * it did. `maxEjectionPercent` holds.
   */
  eject(record: OutlierRecord, cause: 'server-error' | 'no-answer', size: number, nowMs: number): boolean {
    return this.#judge(record, cause, true, size, nowMs);
  }

  /** Puts an endpoint back on trial whose time is over; true when it did. Called now and then, not for each request. */
  expire(record: OutlierRecord, nowMs: number): boolean {
    if (record.state.kind !== 'ejected' || record.state.untilMs > nowMs) return false;
    return this.#release(record);
  }

  /** A probe reached an ejected endpoint: it may come back early. Only what was ejected for being unreachable does. */
  probed(record: OutlierRecord): boolean {
    const { state } = record;
    if (state.kind !== 'ejected') return false;
    return state.cause === 'refused' || state.cause === 'local-failure' ? this.#release(record) : false;
  }

  #gatewayFails(record: OutlierRecord, outcome: 'server-error' | 'gateway-error'): boolean {
    if (outcome === 'server-error') {
      record.consecutiveGatewayFailures = 0;
      return false;
    }
    if (++record.consecutiveGatewayFailures < this.#gateway.consecutive) return false;
    // Enforced or not, the next ones are counted anew.
    record.consecutiveGatewayFailures = 0;
    return this.#random() * 100 < this.#gateway.enforcingPercent;
  }

  #release(record: OutlierRecord): boolean {
    record.state = onTrial;
    record.consecutive5xx = 0;
    record.consecutiveGatewayFailures = 0;
    record.consecutiveLocalFailures = 0;
    this.#ejected--;
    return true;
  }

  #succeed(record: OutlierRecord): false {
    record.consecutiveLocalFailures = 0;
    record.consecutive5xx = 0;
    record.consecutiveGatewayFailures = 0;
    if (record.state.kind === 'trial') {
      record.state = inRotation;
      record.ejections = Math.max(0, record.ejections - 1);
    }
    return false;
  }

  #judge(record: OutlierRecord, cause: Outcome, passed: boolean, size: number, nowMs: number): boolean {
    if (record.state.kind === 'ejected' || !(passed || record.state.kind === 'trial')) return false;
    if (cause !== 'refused' && !this.#mayEject(size)) return false;
    record.ejections++;
    const { baseEjectionMs, maxEjectionMs } = this.#policy;
    const untilMs = nowMs + Math.min(maxEjectionMs, baseEjectionMs * record.ejections);
    record.state = { kind: 'ejected', untilMs, cause };
    this.#ejected++;
    return true;
  }

  /** At least one endpoint may be ejected whatever the percentage says. */
  #mayEject(size: number): boolean {
    const allowed = Math.max(1, Math.floor((size * this.#policy.maxEjectionPercent) / 100));
    return this.#ejected < allowed;
  }
}
