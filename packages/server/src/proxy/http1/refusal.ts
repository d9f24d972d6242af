/** Why a message was not taken. `status` is what a client is told; from an upstream every refusal is a 502. */
export interface Refusal {
  readonly type: 'refusal';
  readonly status: 400 | 405 | 408 | 413 | 414 | 417 | 431 | 501 | 505;
  /** Stable, kebab-case; in the access log and the metrics. */
  readonly code: string;
  /** A sentence for the body of the answer. */
  readonly reason: string;
}

function refusal(status: Refusal['status'], code: string, reason: string): Refusal {
  return Object.freeze({ type: 'refusal', status, code, reason });
}

/** Every refusal of the codec, once. */
export const refusals = {
  badRequestLine: refusal(400, 'bad-request-line', 'The request line is malformed.'),
  badStatusLine: refusal(400, 'bad-status-line', 'The status line is malformed.'),
  badVersion: refusal(505, 'bad-version', 'Only HTTP/1.0 and HTTP/1.1 are spoken here.'),
  badTarget: refusal(400, 'bad-target', 'The request target is malformed.'),
  badPath: refusal(400, 'bad-path', 'The path climbs above its root or hides a separator.'),
  targetTooLong: refusal(414, 'target-too-long', 'The request target is too long.'),
  headTooLarge: refusal(431, 'head-too-large', 'The header section is too large.'),
  tooManyFields: refusal(431, 'too-many-fields', 'There are too many header fields.'),
  badFieldName: refusal(400, 'bad-field-name', 'A header field name is malformed.'),
  badFieldValue: refusal(400, 'bad-field-value', 'A header field value holds a forbidden octet.'),
  bareLineBreak: refusal(400, 'bare-line-break', 'A line does not end with CR LF.'),
  obsFold: refusal(400, 'obs-fold', 'A header field is folded over several lines.'),
  aliasedField: refusal(400, 'aliased-field', 'A header field name imitates a protected one.'),
  badHost: refusal(400, 'bad-host', 'The Host field is missing, repeated or malformed.'),
  hostMismatch: refusal(400, 'host-mismatch', 'The request target and the Host field disagree.'),
  badContentLength: refusal(400, 'bad-content-length', 'Content-Length is repeated or malformed.'),
  badTransferEncoding: refusal(400, 'bad-transfer-encoding', 'Transfer-Encoding is not allowed here.'),
  unknownTransferCoding: refusal(
    501,
    'unknown-transfer-coding',
    'Only the transfer coding "chunked" is known.',
  ),
  conflictingLength: refusal(
    400,
    'conflicting-length',
    'Content-Length and Transfer-Encoding exclude each other.',
  ),
  badConnectionField: refusal(400, 'bad-connection-field', 'The Connection field is malformed.'),
  badExpect: refusal(417, 'bad-expect', 'Only "100-continue" can be expected.'),
  badUpgrade: refusal(400, 'bad-upgrade', 'The Upgrade request is malformed.'),
  badChunk: refusal(400, 'bad-chunk', 'A chunk is malformed.'),
  bodyNotAllowed: refusal(400, 'body-not-allowed', 'TRACE takes no body.'),
  badPseudoField: refusal(
    400,
    'bad-pseudo-field',
    'A pseudo-header field is missing, repeated, late or unknown.',
  ),
  connectionSpecific: refusal(
    400,
    'connection-specific-field',
    'HTTP/2 has no connection-specific header fields.',
  ),
  connectRefused: refusal(405, 'connect-refused', 'CONNECT is not offered here.'),
  bodyTooLarge: refusal(413, 'body-too-large', 'The body is larger than is allowed.'),
  timeout: refusal(408, 'request-timeout', 'The request did not arrive in time.'),
} as const;
