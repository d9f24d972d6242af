import type { Outcome } from '@portolan/core/resilience/outlier.ts';

/** Nobody is there, or may be reached there; the kernel said so, or our `ConnectGuard`. */
const certain: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'EACCES',
]);
/** This machine is out of something: not the endpoint's fault. */
const ours: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM']);

/** What a failed connection says about the endpoint; undefined: nothing. */
export function connectOutcome(error: Error | undefined): Outcome | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (ours.has(code)) return undefined;
  return certain.has(code) ? 'refused' : 'local-failure';
}
