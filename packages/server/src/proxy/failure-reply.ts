import type { AttemptFailure } from './attempt.ts';

/** What a client is told when the last try failed: status, code, text. */
export function failureReply(failure: AttemptFailure, cluster: string): [number, string, string] {
  switch (failure.kind) {
    case 'overflow':
      return [503, 'overflow', `too many requests wait for ${cluster}`];
    case 'pending-timeout':
      return [503, 'pending-timeout', 'no connection became free in time'];
    case 'anomaly':
      return [502, failure.code, 'the service sent a response that is no valid HTTP'];
    default:
      return [statusOf(failure), failure.code, `${cluster} could not be reached (${failure.code})`];
  }
}

function statusOf({ kind }: AttemptFailure): number {
  if (kind === 'connect-failure' || kind === 'refused-stream') return 503;
  return kind === 'connect-timeout' || kind === 'try-timeout' ? 504 : 502;
}
