import type { RetryOn } from '../../../../resilience/retry-decision.ts';
import { retryDefaults } from '../../../defaults.ts';
import type { AnnotationGroup } from './draft.ts';

/** nginx's default for what is not said, where the other of the two is. */
const defaultMs = 60_000;

/** However many tries are asked for. nginx's 0 is without limit, which would turn one request into a flood. */
const maxTries = 10;

/** `proxy-connect-timeout`, `-read-`, `-send-`, `proxy-next-upstream`, `-tries`, `-timeout`. */
export const timeoutAnnotations: AnnotationGroup = (read, draft) => {
  const connectMs = read.seconds('proxy-connect-timeout');
  if (connectMs !== undefined && connectMs > 0)
    draft.transport = { ...draft.transport, connectTimeoutMs: connectMs };
  const readMs = read.seconds('proxy-read-timeout');
  const sendMs = read.seconds('proxy-send-timeout');
  // Each is between two octets of its own direction: a connection that is quiet in both for the longer one has ended. Until an answer
  // begins only the upstream can be waited for.
  if (readMs !== undefined || sendMs !== undefined)
    draft.idleTimeoutMs = Math.max(readMs ?? defaultMs, sendMs ?? defaultMs);

  const conditions = read.text('proxy-next-upstream');
  const tries = read.whole('proxy-next-upstream-tries');
  const totalMs = read.seconds('proxy-next-upstream-timeout') ?? 0;
  if (totalMs > 0) {
    const message = 'tries have no time limit of their own: they end with the request';
    read.report('info', 'annotation-unsupported', 'proxy-next-upstream-timeout', message);
  }
  const perTryTimeoutMs = readMs ?? 0;
  if (conditions === undefined && tries === undefined) {
    if (perTryTimeoutMs > 0) draft.retry = { ...retryDefaults, perTryTimeoutMs };
    return;
  }
  const words = (conditions ?? 'error timeout').split(/\s+/);
  const statuses = words.flatMap((word) => (/^http_[345]\d\d$/.test(word) ? [Number(word.slice(5))] : []));
  const on = new Set<RetryOn>(words.flatMap((word) => meaning[word] ?? []));
  // nginx tries again what may have been done only if it is told to.
  if (words.includes('non_idempotent') && on.has('reset-before-response')) on.add('reset');
  if (statuses.length > 0) on.add('retriable-status-codes');
  const all = tries === 0 ? maxTries : Math.min(tries ?? retryDefaults.retries + 1, maxTries);
  draft.retry = {
    retries: words.includes('off') ? 0 : all - 1,
    on: [...on],
    ...(statuses.length === 0 ? {} : { statuses }),
    perTryTimeoutMs,
  };
};

const meaning: Readonly<Record<string, readonly RetryOn[]>> = {
  error: ['connect-failure', 'reset-before-response'],
  timeout: ['connect-failure', 'reset-before-response'],
  invalid_header: ['reset-before-response'],
};
