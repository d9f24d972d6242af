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

/** Long enough for every message of ours, short enough for a log line. */
const maxMessageChars = 500;

/** What an answer outside 2xx means. The registry's own text is the message. */
export function faultOfAnswer(method: string, path: string, status: number, text: string): Fault {
  const said = text.trim().slice(0, maxMessageChars);
  const message =
    said === '' ? `${method} /${path} was answered with HTTP ${status}` : `${said} (HTTP ${status})`;
  return new Fault(codes.get(status) ?? 'internal', message);
}
