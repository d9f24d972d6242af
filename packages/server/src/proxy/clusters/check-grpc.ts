import { connect as connectHttp2, constants } from 'node:http2';
import type { EndpointState } from '../endpoint-state.ts';
import { openSocket } from '../upstream/open-socket.ts';
import type { ProbeContext } from './check-probe.ts';

/** The answer has some three octets; who sends more is no health service. */
const maxAnswerBytes = 1_024;
/** `grpc.health.v1.HealthCheckResponse.ServingStatus`. */
const serving = 1;

/**
 * `grpc.health.v1.Health/Check` over HTTP/2, with prior knowledge or TLS; passes when the service is SERVING. `done` may be called more than once:
 * the first counts. Returns what ends it.
 */
export function checkGrpc(
  endpoint: EndpointState,
  service: string,
  context: ProbeContext,
  done: (passed: boolean) => void,
): () => void {
  const channel = context.channel('');
  const socket = openSocket(endpoint, channel, ['h2'], context.guard);
  socket.on('error', () => done(false));
  const { address, port } = endpoint;
  const scheme = channel.tls === undefined ? 'http' : 'https';
  const authority = `${scheme}://${address.includes(':') ? `[${address}]` : address}:${port}`;
  const session = connectHttp2(authority, { createConnection: () => socket });
  session.on('error', () => done(false));
  session.on('close', () => done(false));
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: '/grpc.health.v1.Health/Check',
    [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
    [constants.HTTP2_HEADER_TE]: 'trailers',
  });
  let answer = Buffer.alloc(0);
  stream.on('error', () => done(false));
  stream.on('data', (bytes: Buffer) => {
    answer = Buffer.concat([answer, bytes]);
    if (answer.length > maxAnswerBytes) done(false);
  });
  stream.on('end', () => done(isServing(answer)));
  stream.end(healthRequest(service));
  return () => {
    session.destroy();
    socket.destroy();
  };
}

/** A gRPC message (one octet of flags, four of length) that holds the service's name as field 1. */
function healthRequest(service: string): Buffer {
  const name = Buffer.from(service, 'utf8');
  const field = name.length === 0 ? [] : [Buffer.from([0x0a, ...varint(name.length)]), name];
  const message = Buffer.concat(field);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function varint(value: number): number[] {
  const octets: number[] = [];
  let left = value;
  while (left > 0x7f) {
    octets.push((left & 0x7f) | 0x80);
    left >>>= 7;
  }
  return [...octets, left];
}

/** One uncompressed message whose field 1, a varint, says SERVING. */
function isServing(answer: Buffer): boolean {
  if (answer.length !== 7 || answer[0] !== 0 || answer.readUInt32BE(1) !== 2) return false;
  return answer[5] === 0x08 && answer[6] === serving;
}
