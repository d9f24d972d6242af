import type { PartReadiness } from '../../contract.ts';
import { type Reply, reply, textReply } from '../../http/reply.ts';

/** `/livez`: whoever can answer this lives. */
export const live: Reply = textReply(200, 'ok\n');

/** `/readyz`, in the words that Kubernetes' own probes use with `?verbose`. */
export function readyReply(parts: readonly PartReadiness[], verbose: boolean): Reply {
  const ready = parts.every((part) => part.problems.length === 0);
  const status = ready ? 200 : 503;
  if (!verbose) return textReply(status, ready ? 'ok\n' : `not ready: ${problemsIn(parts)}\n`);
  const lines = parts.map(({ name, problems }) =>
    problems.length === 0 ? `[+]${name} ok\n` : `[-]${name} failed: ${problems.join('; ')}\n`,
  );
  return textReply(status, `${lines.join('')}readyz check ${ready ? 'passed' : 'failed'}\n`);
}

function problemsIn(parts: readonly PartReadiness[]): string {
  return parts.flatMap(({ name, problems }) => problems.map((problem) => `${name}: ${problem}`)).join('; ');
}

export function metricsReply(contentType: string, text: string): Reply {
  return reply(200, ['Content-Type', contentType, 'Cache-Control', 'no-store'], Buffer.from(text));
}
