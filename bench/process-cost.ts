import { readFileSync } from 'node:fs';

/** What a process has used so far, as the operating system counts it. */
export interface ProcessCost {
  readonly cpuMs: number;
  readonly rssMb: number;
}

/** Linux counts CPU in hundredths of a second (`getconf CLK_TCK` is 100 on every platform that we run on). */
const msPerTick = 10;

export function processCost(pid: number): ProcessCost {
  // proc(5): the name in parentheses may hold spaces; utime and stime are fields 14 and 15, counted from 1.
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * msPerTick,
    rssMb: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024,
  };
}
