import { Fault } from '@portolan/core/base/fault.ts';

/** One segment of a path. URLs resolve `.` and `..` away even when encoded, so that no such name can be asked for. */
export function segment(text: string): string {
  if (text === '.' || text === '..') {
    throw new Fault('invalid', `'${text}' cannot be a name or a part of a key: a URL cannot carry it`);
  }
  return encodeURIComponent(text);
}

/** For options whose signal may be left out but not be undefined. */
export function withSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
