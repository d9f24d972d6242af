import { fieldValue } from './http1/line-fields.ts';
import type { RequestHead } from './http1/request-head.ts';
import type { LocalReply } from './local-reply.ts';

/** What a gRPC status stands in for an HTTP one (gRPC's `http-grpc-status-mapping`); others are 2, UNKNOWN. */
const statuses: ReadonlyMap<number, number> = new Map([
  [400, 13],
  [401, 16],
  [403, 7],
  [404, 12],
  [429, 14],
  [502, 14],
  [503, 14],
  [504, 14],
]);

/** Whether it is a call of gRPC (not of gRPC-Web), by its content type. */
export function isGrpc(head: RequestHead): boolean {
  if (head.method !== 'POST') return false;
  const type = fieldValue(head.lines, 'content-type');
  return type !== undefined && /^application\/grpc(?:$|[+;])/i.test(type);
}

/** An answer of our own as a gRPC client understands it: 200, without body, the status among the header fields. */
export function grpcReply(reply: LocalReply): LocalReply {
  if (reply.contentType === 'application/grpc') return reply;
  const status = statuses.get(reply.status) ?? (reply.status === 200 ? 0 : 2);
  const message = encodeURIComponent(reply.body.trim()).replaceAll('%20', ' ');
  return {
    status: 200,
    body: '',
    contentType: 'application/grpc',
    lines: `grpc-status: ${status}\r\ngrpc-message: ${message}\r\n${reply.lines ?? ''}`,
    ...(reply.code === undefined ? {} : { code: reply.code }),
  };
}
