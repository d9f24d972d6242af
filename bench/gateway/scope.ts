import { readFileSync } from 'node:fs';
import type { TestScope } from '@portolan/testkit/launch-program.ts';

/** What a test's context gives the launchers, for a program that is no test. */
export class Scope implements TestScope {
  readonly #callbacks: (() => Promise<void>)[] = [];

  after(callback: () => Promise<void>): void {
    this.#callbacks.push(callback);
  }

  async end(): Promise<void> {
    for (const callback of this.#callbacks.reverse()) await callback();
  }
}

/** Linux counts process times in hundredths of a second. */
const microsecondsPerTick = 10_000;

/** User and system time of all threads so far: fields 14 and 15 of proc(5)'s stat, counted after the name in parentheses. */
export function cpuMicroseconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) * microsecondsPerTick;
  }, 0);
}

export function rssBytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const kilobytes = figure(readFileSync(`/proc/${pid}/status`, 'utf8'), /VmRSS:\s+([0-9]+)/);
    return sum + kilobytes * 1_024;
  }, 0);
}

export function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return (children.match(/[0-9]+/g) ?? []).map(Number);
}

export function figure(output: string, pattern: RegExp): number {
  return Number(pattern.exec(output)?.[1] ?? 0);
}

export function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[values.length >> 1] ?? Number.NaN;
}
