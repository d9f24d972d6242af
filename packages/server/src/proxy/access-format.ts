/** What is known of a request when it is over. */
export interface AccessEntry {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  /** 0: the client got no response. */
  readonly status: number;
  /** Of the bodies. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationMs: number;
  readonly client: string;
  readonly requestId: string;
  readonly userAgent: string;
  readonly cluster: string;
  /** `address:port` of the last one asked, or empty. */
  readonly upstream: string;
  readonly tries: number;
  /** Why it went otherwise than it should; empty when it did not. Stable codes. */
  readonly flag: string;
  /** `HTTP/1.1` … Default: that. */
  readonly protocol?: string;
  /** `http` or `https`. Default: `http`. */
  readonly scheme?: string;
  /** Name of the route; empty: none fitted. */
  readonly route?: string;
  readonly referer?: string;
  /** Of its W3C trace context, 32 hexadecimal digits; empty: it has none. */
  readonly traceId?: string;
}

/** A finished request as a line without its end. `wallMs`: now. */
export type LineFormat = (entry: AccessEntry, wallMs: number) => string;

type Variable = (entry: AccessEntry, wallMs: number) => string | number;

/** By name as in nginx where nginx has one. */
const variables: Readonly<Record<string, Variable>> = {
  time_iso8601: (_, wallMs) => new Date(wallMs).toISOString(),
  time_local: (_, wallMs) => localTime(wallMs),
  msec: (_, wallMs) => (wallMs / 1_000).toFixed(3),
  remote_addr: (entry) => entry.client,
  remote_user: () => '',
  host: (entry) => entry.host,
  scheme: (entry) => entry.scheme ?? 'http',
  request: (entry) => `${entry.method} ${entry.path} ${entry.protocol ?? 'HTTP/1.1'}`,
  request_method: (entry) => entry.method,
  request_uri: (entry) => entry.path,
  server_protocol: (entry) => entry.protocol ?? 'HTTP/1.1',
  status: (entry) => entry.status,
  body_bytes_sent: (entry) => entry.responseBytes,
  body_bytes_received: (entry) => entry.requestBytes,
  request_time: (entry) => (entry.durationMs / 1_000).toFixed(3),
  request_id: (entry) => entry.requestId,
  http_user_agent: (entry) => entry.userAgent,
  http_referer: (entry) => entry.referer ?? '',
  upstream_addr: (entry) => entry.upstream,
  upstream_tries: (entry) => entry.tries,
  cluster: (entry) => entry.cluster,
  route: (entry) => entry.route ?? '',
  flag: (entry) => entry.flag,
  trace_id: (entry) => entry.traceId ?? '',
};

export const accessVariables: readonly string[] = Object.keys(variables).map((name) => `$${name}`);

/** The format of that name in nginx and Apache. */
const combined =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"';

const reference = /\$(?:\{([a-z0-9_]+)\}|([a-z0-9_]+)|(\$))/g;

/** The first variable of a format that there is not; undefined: it is a format. */
export function unknownVariable(format: string): string | undefined {
  for (const [, braced, bare] of format.matchAll(reference)) {
    const name = braced ?? bare;
    if (name !== undefined && !Object.hasOwn(variables, name)) return `$${name}`;
  }
  return undefined;
}

/**
 * `json`, `combined`, or a text in which `$name` and `${name}` are replaced and `$$` is a dollar sign. In a text a value's quotation marks,
 * backslashes and everything that is not printable ASCII become `\xHH`, so that no client can end its field or line; an empty value is `-`.
 */
export function lineFormat(format: string): LineFormat {
  if (format === 'json') return jsonLine;
  const pieces: (string | Variable)[] = [];
  const text = format === 'combined' ? combined : format;
  let from = 0;
  for (const match of text.matchAll(reference)) {
    const [whole, braced, bare, dollar] = match;
    pieces.push(text.slice(from, match.index), dollar ?? variables[braced ?? bare ?? ''] ?? whole);
    from = match.index + whole.length;
  }
  pieces.push(text.slice(from));
  return (entry, wallMs) => {
    let line = '';
    for (const piece of pieces) line += typeof piece === 'string' ? piece : shown(piece(entry, wallMs));
    return line;
  };
}

function jsonLine(entry: AccessEntry, wallMs: number): string {
  return (
    `{"time":"${isoTime(wallMs)}","method":"${entry.method}","host":"${entry.host}","path":${quoted(entry.path)},` +
    `"status":${entry.status},"durationMs":${Math.round(entry.durationMs * 1_000) / 1_000},` +
    `"requestBytes":${entry.requestBytes},"responseBytes":${entry.responseBytes},"client":"${entry.client}",` +
    `"requestId":"${entry.requestId}","userAgent":${quoted(entry.userAgent)},"cluster":${quoted(entry.cluster)},` +
    `"upstream":"${entry.upstream}","tries":${entry.tries},"flag":"${entry.flag}"` +
    (entry.route === undefined ? '' : `,"route":${quoted(entry.route)}`) +
    (entry.protocol === undefined ? '' : `,"protocol":"${entry.protocol}"`) +
    (entry.scheme === undefined ? '' : `,"scheme":"${entry.scheme}"`) +
    (entry.referer === undefined || entry.referer === '' ? '' : `,"referer":${quoted(entry.referer)}`) +
    (entry.traceId === undefined || entry.traceId === '' ? '' : `,"traceId":"${entry.traceId}"`) +
    '}'
  );
}

let second = -1;
let secondText = '';

/** RFC 3339, UTC. All but the milliseconds is made once a second. */
function isoTime(wallMs: number): string {
  const whole = Math.floor(wallMs / 1_000);
  if (whole !== second) {
    second = whole;
    secondText = new Date(whole * 1_000).toISOString().slice(0, -4);
  }
  return `${secondText}${String(Math.floor(wallMs) - whole * 1_000).padStart(3, '0')}Z`;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `21/Nov/2026:06:20:26 +0000`. */
function localTime(wallMs: number): string {
  const at = new Date(wallMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  const offset = -at.getTimezoneOffset();
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':');
  return `${two(at.getDate())}/${months[at.getMonth()]}/${at.getFullYear()}:${time} ${zone}`;
}

const plain = /^[ !#-[\]-~]+$/;

function shown(value: string | number): string {
  if (typeof value === 'number') return String(value);
  if (value === '') return '-';
  if (plain.test(value)) return value;
  return value.replace(/[^ !#-[\]-~]/g, (character) => {
    const code = character.charCodeAt(0);
    return `\\x${(code & 0xff).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what JSON must escape
const needsEscape = /["\\\u0000-\u001f\u007f-\uffff]/;

function quoted(text: string): string {
  return needsEscape.test(text) ? escaped(text) : `"${text}"`;
}

/** JSON in ASCII, so that the log is UTF-8 whatever octets a client sent. */
function escaped(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
