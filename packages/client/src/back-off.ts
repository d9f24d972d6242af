import type { Random } from '@portolan/core/base/clock.ts';
import { limits } from './limits.ts';

/**
 * The pause before try number `failures` + 1: doubles from `backOffFirstMs` to `backOffMostMs`, and is spread over its upper
 * half so that a thousand clients do not come back to a restarted registry in the same instant.
 */
export function backOffMs(failures: number, random: Random): number {
  const ceiling = Math.min(limits.backOffMostMs, limits.backOffFirstMs * 2 ** Math.min(failures - 1, 30));
  return ceiling * (0.5 + random() / 2);
}
