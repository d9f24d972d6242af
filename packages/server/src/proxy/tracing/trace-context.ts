/** What a `traceparent` says. W3C Trace Context §3.2. */
export interface TraceParent {
  /** 32 hexadecimal digits, lower case, not all zero. */
  readonly traceId: string;
  /** 16 of them. */
  readonly parentId: string;
  readonly sampled: boolean;
}

const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const zeros = /^0+$/;

/** Undefined: it is to be ignored, and a new trace begun. Versions to come are read as far as this one goes (§3.2.2, §4.3). */
export function parseTraceParent(text: string): TraceParent | undefined {
  const match = form.exec(text);
  if (match === null) return undefined;
  const [, version, traceId = '', parentId = '', flags = '00', rest] = match;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (zeros.test(traceId) || zeros.test(parentId)) return undefined;
  return { traceId, parentId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function traceParentText({ traceId, parentId, sampled }: TraceParent): string {
  return `00-${traceId}-${parentId}-${sampled ? '01' : '00'}`;
}
