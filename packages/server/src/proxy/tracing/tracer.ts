import { randomFillSync } from 'node:crypto';
import type { Clock, Random } from '@portolan/core/base/clock.ts';
import type { AccessEntry } from '../access-format.ts';
import { fieldValue, withoutFields } from '../http1/line-fields.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { SpanExporter } from './exporter.ts';
import { parseTraceParent, traceParentText } from './trace-context.ts';

/** A request that is traced. */
export interface Trace {
  readonly traceId: string;
  /** The request's head as the upstream gets it: with a `traceparent` of ours in place of the one that came. */
  onto(head: RequestHead): RequestHead;
  /** Once, when the request is over. */
  end(entry: AccessEntry): void;
}

export interface TracerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly ratio: number;
  readonly exporter: Pick<SpanExporter, 'add'>;
}

/** Decides which requests are traced, and makes their spans. */
export class Tracer {
  readonly #options: TracerOptions;

  constructor(options: TracerOptions) {
    this.#options = options;
  }

  /** Undefined: the request is not sampled, and passed on as it is. */
  begin(head: Pick<RequestHead, 'lines'>): Trace | undefined {
    const told = fieldValue(head.lines, field) ?? '';
    const { ratio, random, clock, exporter } = this.#options;
    const parent = told === '' ? undefined : parseTraceParent(told);
    if (!(parent?.sampled ?? random() < ratio)) return undefined;
    const traceId = parent?.traceId ?? hex(16);
    const spanId = hex(8);
    const startWallMs = clock.wallMs();
    return {
      traceId,
      onto: (outgoing) => ({
        ...outgoing,
        lines: `${withoutFields(outgoing.lines, (name) => name === field)}${ourLine(traceId, spanId)}`,
      }),
      end: (entry) =>
        exporter.add({
          traceId,
          spanId,
          parentId: parent?.parentId ?? '',
          startWallMs,
          entry: { ...entry, traceId },
        }),
    };
  }
}

const field = 'traceparent';

function ourLine(traceId: string, parentId: string): string {
  return `Traceparent: ${traceParentText({ traceId, parentId, sampled: true })}\r\n`;
}

const pool = Buffer.alloc(4_096);
let used = pool.length;

/** So many random octets in hexadecimal. Asking the system for each would cost as much as the request. */
function hex(octets: number): string {
  if (used + octets > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += octets;
  return pool.toString('hex', used - octets, used);
}
