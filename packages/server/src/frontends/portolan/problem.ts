import { Fault, type FaultCode } from '@portolan/core/base/fault.ts';
import { type Reply, reply } from '../../http/reply.ts';

const statusOf: Readonly<Record<FaultCode, number>> = {
  invalid: 400,
  denied: 403,
  'not-found': 404,
  conflict: 409,
  'too-large': 413,
  cancelled: 499,
  internal: 500,
  unavailable: 503,
  timeout: 504,
  full: 507,
};

const titleOf: Readonly<Record<FaultCode, string>> = {
  invalid: 'The request is not valid',
  denied: 'Not yours to change',
  'not-found': 'Not found',
  conflict: 'Somebody was faster',
  'too-large': 'Too large',
  cancelled: 'The client went away',
  internal: 'A defect of the server',
  unavailable: 'Not available now',
  timeout: 'It took too long',
  full: 'The disk is full',
};

/** A fault as problem+json (RFC 9457), with the path of the offending field in `field`. */
export function problemReply(
  fault: Fault,
  headers: readonly string[] = [],
  status: number = statusOf[fault.code],
): Reply {
  const problem = {
    type: 'about:blank',
    title: titleOf[fault.code],
    status,
    code: fault.code,
    detail: fault.message,
    field: fault.path,
  };
  const body = Buffer.from(`${JSON.stringify(problem)}\n`);
  return reply(status, ['Content-Type', 'application/problem+json', ...headers], body);
}

/** Defects and clients that have gone are the listener's to log, so that they are thrown on. */
export function faultReply(thrown: unknown): Reply {
  const fault = Fault.from(thrown);
  if (fault.code === 'internal' || fault.code === 'cancelled') throw thrown;
  return problemReply(fault);
}
