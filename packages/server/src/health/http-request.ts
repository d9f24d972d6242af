import type { Probe } from '@portolan/core/catalog/records.ts';
import type { Endpoint } from './dial.ts';
import { percentDecoded } from './output.ts';

export type HttpProbe = Extract<Probe, { type: 'http' }>;

/** A check's request, ready to be written. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly endpoint: Endpoint;
  readonly tls: boolean;
  /** Head and body as bytes of the wire. */
  readonly wire: Buffer;
}

/** Ours alone: they frame the message, or say what happens to the connection. */
const ownFields = new Set([
  'connection',
  'content-length',
  'transfer-encoding',
  'keep-alive',
  'upgrade',
  'te',
  'trailer',
  'expect',
]);
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: a field value may hold none of these (RFC 9110 §5.5)
const notInValue = /[\0-\x08\x0a-\x1f\x7f]/;

/** The request that a definition asks for, or in words why it cannot be made. */
export function httpRequest(probe: HttpProbe): HttpRequest | string {
  const url = URL.parse(probe.url);
  if (url === null) return `"${probe.url}" is not a URL`;
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return `unsupported protocol scheme "${url.protocol.slice(0, -1)}"`;
  const method = probe.method === '' ? 'GET' : probe.method.toUpperCase();
  if (!token.test(method) || method === 'CONNECT')
    return `"${probe.method}" is not a method that a check can use`;
  const fields = headFields(probe, url);
  if (typeof fields === 'string') return fields;
  const body = Buffer.from(probe.body);
  if (body.length > 0 || method === 'POST' || method === 'PUT' || method === 'PATCH') {
    fields.push(`Content-Length: ${body.length}`);
  }
  const head = `${method} ${url.pathname}${url.search} HTTP/1.1\r\n${fields.join('\r\n')}\r\nConnection: close\r\n\r\n`;
  const tls = url.protocol === 'https:';
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
  const port = url.port === '' ? (tls ? 443 : 80) : Number(url.port);
  if (port === 0) return `"${probe.url}" has no port that can be connected to`;
  return {
    method,
    url: probe.url,
    endpoint: { host, port },
    tls,
    wire: Buffer.concat([Buffer.from(head, 'latin1'), body]),
  };
}

function headFields(probe: HttpProbe, url: URL): string[] | string {
  const fields: string[] = [];
  const named = new Set<string>();
  for (const [name, values] of Object.entries(probe.headers)) {
    const lower = name.toLowerCase();
    if (!token.test(name)) return `"${name}" is not the name of a header`;
    if (ownFields.has(lower)) continue;
    for (const value of lower === 'host' ? values.slice(0, 1) : values) {
      if (notInValue.test(value)) return `the value of header "${name}" has control characters`;
      fields.push(`${name}: ${Buffer.from(value).toString('latin1')}`);
      named.add(lower);
    }
  }
  if (!named.has('host')) fields.unshift(`Host: ${url.host}`);
  if (!named.has('user-agent')) fields.push('User-Agent: Portolan Health Check');
  if (!named.has('accept')) fields.push('Accept: text/plain, text/*, */*');
  if (!named.has('authorization') && (url.username !== '' || url.password !== '')) {
    const credentials = `${percentDecoded(url.username)}:${percentDecoded(url.password)}`;
    fields.push(`Authorization: Basic ${Buffer.from(credentials).toString('base64')}`);
  }
  return fields;
}
