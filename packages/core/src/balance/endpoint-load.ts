import { PeakLatency } from './peak-latency.ts';
import { SuccessWindow } from './success-window.ts';

/** Requests under way to all endpoints of a cluster. One for each cluster, as long as it lives. */
export class ClusterLoad {
  active = 0;
  /** When Dubbo's windows last began anew (monotonic); undefined: never yet. */
  slidAtMs: number | undefined = undefined;
}

/** What one endpoint has to do and how fast it lately was. The cluster keeps it as long as the endpoint lives. */
export class EndpointLoad {
  /** Requests under way. */
  active = 0;
  readonly latency = new PeakLatency();
  readonly successes = new SuccessWindow();
  readonly #cluster: ClusterLoad;

  constructor(cluster: ClusterLoad) {
    this.#cluster = cluster;
  }

  started(): void {
    this.active++;
    this.#cluster.active++;
  }

  /** A response, or a failure, came after `elapsedMs`. */
  observed(elapsedMs: number, succeeded: boolean, nowMs: number): void {
    this.latency.observe(elapsedMs, nowMs);
    if (succeeded) this.successes.add(elapsedMs);
  }

  /** It is over; exactly once after `started`. Not `observed` before: that says nothing of the endpoint (the client left, a hedge won). */
  ended(): void {
    this.active--;
    this.#cluster.active--;
  }
}
