import type { Reply } from '../../http/reply.ts';

/**
 * Encoded answers, so that ten thousand watchers that are woken together share one buffer. An answer holds for as long as the
 * index of its topic stands. Bounded in number and in bytes; the oldest goes first.
 */
export interface Answers {
  get(target: string, index: number): Reply | undefined;
  put(target: string, index: number, reply: Reply): void;
  readonly size: number;
}

export function answers(limits: { maxAnswers: number; maxBytes: number }): Answers {
  const kept = new Map<string, { readonly index: number; readonly reply: Reply }>();
  let bytes = 0;

  function remove(target: string): void {
    const entry = kept.get(target);
    if (entry === undefined) return;
    bytes -= weight(target, entry.reply);
    kept.delete(target);
  }

  return {
    get(target, index) {
      const entry = kept.get(target);
      return entry?.index === index ? entry.reply : undefined;
    },
    put(target, index, reply) {
      remove(target);
      const added = weight(target, reply);
      if (added > limits.maxBytes / 4) return;
      for (const oldest of kept.keys()) {
        if (kept.size < limits.maxAnswers && bytes + added <= limits.maxBytes) break;
        remove(oldest);
      }
      bytes += added;
      kept.set(target, { index, reply });
    },
    get size() {
      return kept.size;
    },
  };
}

/** Roughly what an entry holds in memory. */
function weight(target: string, reply: Reply): number {
  return reply.body.length + target.length * 2 + 1_024;
}

/** The target without `index` and `wait`: what asks for the same answer. */
export function answerKey(target: string): string {
  const mark = target.indexOf('?');
  if (mark === -1 || !(target.includes('index=', mark) || target.includes('wait=', mark))) return target;
  const rest = target
    .slice(mark + 1)
    .split('&')
    .filter(isAboutContent)
    .join('&');
  return rest === '' ? target.slice(0, mark) : `${target.slice(0, mark + 1)}${rest}`;
}

function isAboutContent(parameter: string): boolean {
  return !parameter.startsWith('index=') && !parameter.startsWith('wait=');
}
