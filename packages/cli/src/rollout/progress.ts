import type { Io } from '../io.ts';
import type { Figures } from './figures.ts';

const barLength = 20;

/** What one look says. */
export interface Look {
  readonly version: string;
  readonly percent: number;
  readonly step: number;
  readonly steps: number;
  readonly leftMs: number;
  readonly figures: Figures;
}

/** A line that is written over on a terminal; elsewhere one line for each step. */
export interface Progress {
  show(look: Look): void;
  /** Ends the line of a step. */
  done(look: Look): void;
}

export function createProgress(io: Io): Progress {
  return {
    show(look) {
      if (io.outIsTerminal) io.out(`\r\x1b[2K${lineOf(look)}`);
    },
    done(look) {
      io.out(`${io.outIsTerminal ? '\r\x1b[2K' : ''}${lineOf({ ...look, leftMs: 0 })}\n`);
    },
  };
}

/** `v2  50% ██████████░░░░░░░░░░  step 3/4  12s left  1204 requests, 0.0% errors, p99 ≤ 20 ms` */
export function lineOf({ version, percent, step, steps, leftMs, figures }: Look): string {
  const full = Math.round((percent / 100) * barLength);
  const bar = '█'.repeat(full) + '░'.repeat(barLength - full);
  const left = leftMs > 0 ? `  ${Math.ceil(leftMs / 1_000)}s left` : '';
  const { requests, failures } = figures;
  const rate = requests === 0 ? '' : `, ${((failures / requests) * 100).toFixed(1)}% errors`;
  const p99 = requests === 0 ? '' : `, p99 ≤ ${figures.latencyMs(99)} ms`;
  return `${version} ${String(percent).padStart(3)}% ${bar}  step ${step}/${steps}${left}  ${requests} requests${rate}${p99}`;
}
