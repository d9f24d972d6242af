/** Envoy's `TokenBucket`: full at first, `tokensPerFill` more every `fillMs`, never above `maxTokens`. */
export interface TokenBucketPolicy {
  /** The burst. */
  readonly maxTokens: number;
  readonly tokensPerFill: number;
  readonly fillMs: number;
}

/** Fills by whole intervals, as Envoy's local rate limit does. Two numbers and no timer. */
export class TokenBucket {
  readonly #policy: TokenBucketPolicy;
  #tokens: number;
  #filledMs: number;

  constructor(policy: TokenBucketPolicy, nowMs: number) {
    this.#policy = policy;
    this.#tokens = policy.maxTokens;
    this.#filledMs = nowMs;
  }

  /** Takes `tokens` if there are as many. */
  take(nowMs: number, tokens = 1): boolean {
    this.#fill(nowMs);
    if (this.#tokens < tokens) return false;
    this.#tokens -= tokens;
    return true;
  }

  /** How many are left. */
  tokens(nowMs: number): number {
    this.#fill(nowMs);
    return this.#tokens;
  }

  /** Until there is one, for `Retry-After` and `RateLimit-Reset`; 0 if there is. */
  waitMs(nowMs: number): number {
    this.#fill(nowMs);
    if (this.#tokens >= 1) return 0;
    const fills = Math.ceil((1 - this.#tokens) / this.#policy.tokensPerFill);
    return this.#filledMs + fills * this.#policy.fillMs - nowMs;
  }

  #fill(nowMs: number): void {
    const { maxTokens, tokensPerFill, fillMs } = this.#policy;
    const fills = Math.floor((nowMs - this.#filledMs) / fillMs);
    if (fills <= 0) return;
    this.#filledMs += fills * fillMs;
    this.#tokens = Math.min(maxTokens, this.#tokens + fills * tokensPerFill);
  }
}
