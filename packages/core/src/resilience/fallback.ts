/** What answers when the wanted cluster cannot. In the order of wish. */
export type Fallback =
  | { readonly kind: 'cluster'; readonly cluster: string }
  | {
      readonly kind: 'response';
      readonly status: number;
      readonly body: string;
      readonly contentType: string;
    };

export interface FallbackPolicy {
  readonly choices: readonly Fallback[];
  /** Statuses of a response that call for it, besides there being none. */
  readonly statuses: ReadonlySet<number>;
}

/** Why the wanted cluster's answer is not taken. */
export type Shortfall =
  | { readonly kind: 'no-endpoint' | 'refused-by-breaker' | 'no-response' | 'timeout' }
  | { readonly kind: 'response'; readonly status: number };

/**
 * The first choice that can answer; undefined: the shortfall is passed on. A cluster can when it has an available endpoint and was
 * not asked already. It gets the request whole, so only one that may be sent twice, or was not sent, goes there.
 */
export function selectFallback(
  policy: FallbackPolicy,
  shortfall: Shortfall,
  facts: {
    readonly resendable: boolean;
    readonly asked: ReadonlySet<string>;
    hasEndpoint(cluster: string): boolean;
  },
): Fallback | undefined {
  if (shortfall.kind === 'response' && !policy.statuses.has(shortfall.status)) return undefined;
  const unsent = shortfall.kind === 'no-endpoint' || shortfall.kind === 'refused-by-breaker';
  return policy.choices.find(
    (choice) =>
      choice.kind === 'response' ||
      ((unsent || facts.resendable) && !facts.asked.has(choice.cluster) && facts.hasEndpoint(choice.cluster)),
  );
}
