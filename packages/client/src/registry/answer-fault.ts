import { Fault, type FaultCode } from '@portolan/core/base/fault.ts';

const codes: ReadonlyMap<number, FaultCode> = new Map([
  [400, 'invalid'],
  [401, 'denied'],
  [403, 'denied'],
  [404, 'not-found'],
  [405, 'invalid'],
  [408, 'timeout'],
  [409, 'conflict'],
  [413, 'too-large'],
  [429, 'unavailable'],
  [502, 'unavailable'],
  [503, 'unavailable'],
  [504, 'timeout'],
  [507, 'full'],
]);

/** RFC 9457, as Portolan's own API answers. */
function problemIn(
  text: string,
): { readonly detail: string; readonly options: { path?: string } } | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const { detail, field } = JSON.parse(text) as { detail?: unknown; field?: unknown };
    if (typeof detail !== 'string' || detail === '') return undefined;
    return {
      detail: detail.slice(0, maxMessageChars),
      options: typeof field === 'string' ? { path: field } : {},
    };
  } catch {
    return undefined;
  }
}

/** Long enough for every message of ours, short enough for a log line. */
const maxMessageChars = 500;

/** What an answer outside 2xx means. The registry's own text is the message. */
export function faultOfAnswer(method: string, path: string, status: number, text: string): Fault {
  const problem = problemIn(text);
  if (problem !== undefined)
    return new Fault(codes.get(status) ?? 'internal', problem.detail, problem.options);
  const said = text.trim().slice(0, maxMessageChars);
  const message =
    said === '' ? `${method} /${path} was answered with HTTP ${status}` : `${said} (HTTP ${status})`;
  return new Fault(codes.get(status) ?? 'internal', message);
}
