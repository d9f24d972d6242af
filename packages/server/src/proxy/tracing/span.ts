import type { AccessEntry } from '../access-format.ts';

/** One request in a trace. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: the first of its trace. */
  readonly parentId: string;
  readonly startWallMs: number;
  readonly entry: AccessEntry;
}

/** Methods that name a span; any other is `HTTP`, so that names stay few. RFC 9110 §9, RFC 5789. */
const knownMethods: ReadonlySet<string> = new Set([
  ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'],
]);

/** Spans as an `ExportTraceServiceRequest` in OTLP's JSON: ids in hexadecimal, 64-bit numbers as text, enums as numbers. */
export function encodeSpans(spans: readonly Span[], resource: Readonly<Record<string, string>>): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [{ scope: { name: 'portolan.gateway' }, spans: spans.map(encodeSpan) }],
      },
    ],
  });
}

const kindServer = 2;
const statusError = 2;

function encodeSpan({ traceId, spanId, parentId, startWallMs, entry }: Span): object {
  const { method, status, durationMs, flag, route = '' } = entry;
  const named = knownMethods.has(method) ? method : 'HTTP';
  const failed = status === 0 || status >= 500;
  return {
    traceId,
    spanId,
    ...(parentId === '' ? {} : { parentSpanId: parentId }),
    name: route === '' ? named : `${named} ${route}`,
    kind: kindServer,
    startTimeUnixNano: nanoseconds(startWallMs),
    endTimeUnixNano: nanoseconds(startWallMs + durationMs),
    attributes: attributesOf({
      'http.request.method': named === 'HTTP' ? '_OTHER' : method,
      'http.request.method_original': named === 'HTTP' ? method : '',
      'url.path': pathOf(entry.path),
      'url.scheme': entry.scheme ?? 'http',
      'server.address': entry.host,
      'http.response.status_code': status,
      'client.address': entry.client,
      'user_agent.original': entry.userAgent,
      'http.request.body.size': entry.requestBytes,
      'http.response.body.size': entry.responseBytes,
      'error.type': failed ? flag || String(status) : '',
      'portolan.route': route,
      'portolan.cluster': entry.cluster,
      'portolan.upstream': entry.upstream,
      'portolan.tries': entry.tries,
      'portolan.flag': flag,
      'portolan.request_id': entry.requestId,
    }),
    ...(failed ? { status: { code: statusError } } : {}),
  };
}

function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query === -1 ? target : target.slice(0, query);
}

/** Octets that are no ASCII come as Latin-1, and go as the same code points. Empty ones are left out. */
function attributesOf(values: Readonly<Record<string, string | number>>): object[] {
  return Object.entries(values).flatMap(([key, value]) => {
    if (value === '') return [];
    return [{ key, value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value } }];
  });
}

/** Microseconds are all that a double holds of a time of day. */
function nanoseconds(wallMs: number): string {
  return `${Math.round(wallMs * 1_000)}000`;
}
