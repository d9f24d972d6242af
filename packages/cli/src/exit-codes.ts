import type { FaultCode } from '@portolan/core/base/fault.ts';

/** Documented in docs/cli.md and in `portolan --help`. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  denied: 4,
  conflict: 5,
  unreachable: 6,
} as const;

const byFault: Readonly<Record<FaultCode, number>> = {
  invalid: exitCodes.usage,
  'not-found': exitCodes.notFound,
  denied: exitCodes.denied,
  conflict: exitCodes.conflict,
  unavailable: exitCodes.unreachable,
  timeout: exitCodes.unreachable,
  'too-large': exitCodes.failed,
  full: exitCodes.failed,
  cancelled: exitCodes.failed,
  internal: exitCodes.failed,
};

export function exitCodeOf(code: FaultCode): number {
  return byFault[code];
}
