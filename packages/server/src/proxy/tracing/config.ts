/** Where spans go. */
export interface TracingConfig {
  /** Base URL of an OTLP/HTTP receiver: `http://127.0.0.1:4318`. Spans are posted to `/v1/traces` below it. */
  readonly url: string;
  /** Share of requests that are sampled when their caller has not decided, 0 to 1. */
  readonly ratio: number;
}
