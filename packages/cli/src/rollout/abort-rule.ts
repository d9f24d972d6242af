import { parseDurationMs } from '@portolan/core/base/duration.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Figures } from './figures.ts';

/** When to go back: a figure of the new version that must not be exceeded. */
export type AbortRule =
  | { readonly figure: 'error_rate'; readonly above: number; readonly text: string }
  | {
      readonly figure: 'latency';
      readonly percentile: number;
      readonly aboveMs: number;
      readonly text: string;
    };

const rateForm = /^error_rate\s*>\s*(\d+(?:\.\d+)?)\s*%$/;
const latencyForm = /^p(\d{1,2}(?:\.\d+)?)\s*>\s*(\S+)$/;

/** `error_rate>1%`, `p99>500ms`; several with commas between. Throws `invalid`. */
export function parseAbortRules(text: string): readonly AbortRule[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => parseOne(part));
}

function parseOne(text: string): AbortRule {
  const rate = rateForm.exec(text);
  if (rate !== null && Number(rate[1]) <= 100) {
    return { figure: 'error_rate', above: Number(rate[1]) / 100, text };
  }
  const latency = latencyForm.exec(text);
  const aboveMs = parseDurationMs(latency?.[2] ?? '');
  if (latency !== null && aboveMs !== undefined && aboveMs > 0) {
    return { figure: 'latency', percentile: Number(latency[1]), aboveMs, text };
  }
  throw new Fault('invalid', `--abort-on: '${text}' is none of error_rate>1%, p99>500ms`, {
    path: '--abort-on',
  });
}

/** The first rule that the figures break. Too few requests say nothing. */
export function brokenRule(
  rules: readonly AbortRule[],
  figures: Figures,
  minRequests: number,
): AbortRule | undefined {
  if (figures.requests < minRequests) return undefined;
  return rules.find((rule) =>
    rule.figure === 'error_rate'
      ? figures.failures / figures.requests > rule.above
      : figures.latencyMs(rule.percentile) > rule.aboveMs,
  );
}
