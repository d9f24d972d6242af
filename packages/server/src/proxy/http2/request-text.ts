import { type Refusal, refusals } from '../http1/refusal.ts';
import { connectionSpecific } from './response-fields.ts';

/** Field names as HTTP/2 writes them (RFC 9113 §8.2.1): tokens in small letters. */
const lowerToken = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** What would end a line of HTTP/1. */
const breaksLine = /[\0\r\n]/;

/** The pseudo-header fields of a request (RFC 9113 §8.3.1). */
interface Pseudo {
  ':method': string | undefined;
  ':scheme': string | undefined;
  ':authority': string | undefined;
  ':path': string | undefined;
}

/**
 * A request of HTTP/2 as HTTP/1.1 would have it, so that one reader judges both: its head as octets in Latin-1, or why it is refused. Nothing
 * in it can be taken for the end of a line, of the target or of the head.
 *
 * @param fields names and values in turn, in the order in which they came
 * @param whole no body follows
 */
export function requestText(fields: readonly string[], whole: boolean): string | Refusal {
  const pseudo: Pseudo = newPseudo();
  let lines = '';
  let cookie = '';
  let host: string | undefined;
  let length: string | undefined;
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] as string;
    const value = fields[index + 1] as string;
    if (breaksLine.test(value)) return refusals.badFieldValue;
    if (name.startsWith(':')) {
      // They come first, each once (RFC 9113 §8.3).
      const early = lines === '' && cookie === '' && host === undefined;
      if (!early || !isPseudo(name) || pseudo[name] !== undefined) return refusals.badPseudoField;
      pseudo[name] = value;
      continue;
    }
    if (!lowerToken.test(name)) return refusals.badFieldName;
    // `te: trailers` alone may be said.
    if (connectionSpecific.has(name) && !(name === 'te' && value === 'trailers')) {
      return refusals.connectionSpecific;
    }
    if (name === 'cookie') {
      // It may come in crumbs (RFC 9113 §8.2.3).
      cookie += cookie === '' ? value : `; ${value}`;
      continue;
    }
    if (name === 'host') {
      if (host !== undefined) return refusals.badHost;
      host = value;
      continue;
    }
    if (name === 'content-length') length = length === undefined ? value : `${length},${value}`;
    lines += `${name}: ${value}\r\n`;
  }
  const start = startText(pseudo, host);
  if (typeof start !== 'string') return start;
  if (whole && length !== undefined && Number(length) !== 0) return refusals.badContentLength;
  const framing = whole || length !== undefined ? '' : 'transfer-encoding: chunked\r\n';
  return `${start}${lines}${cookie === '' ? '' : `cookie: ${cookie}\r\n`}${framing}\r\n`;
}

function startText(pseudo: Pseudo, host: string | undefined): string | Refusal {
  const { ':method': method = '', ':path': path, ':scheme': scheme, ':authority': authority } = pseudo;
  if (method === 'CONNECT') return refusals.connectRefused;
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(method)) return refusals.badPseudoField;
  if (scheme !== 'http' && scheme !== 'https') return refusals.badPseudoField;
  if (path === undefined || !(path.startsWith('/') || path === '*') || path.includes(' ')) {
    return refusals.badTarget;
  }
  if (authority !== undefined && host !== undefined && authority.toLowerCase() !== host.toLowerCase()) {
    return refusals.hostMismatch;
  }
  return `${method} ${path} HTTP/1.1\r\nhost: ${authority ?? host ?? ''}\r\n`;
}

function newPseudo(): Pseudo {
  return { ':method': undefined, ':scheme': undefined, ':authority': undefined, ':path': undefined };
}

function isPseudo(name: string): name is keyof Pseudo {
  return name === ':method' || name === ':path' || name === ':scheme' || name === ':authority';
}
