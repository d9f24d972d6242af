/** What an upstream may answer and what we make of it, octet by octet, each with the section it comes from. */
export interface ResponseVector {
  readonly name: string;
  readonly section: string;
  /** Of the request; default GET. */
  readonly method?: string;
  /** What the upstream sends, Latin-1. */
  readonly sent: string;
  /** Whether the upstream then ends the connection. */
  readonly ends?: boolean;
  /**
   * What the client gets: a status with a body; `502`: our own answer, because it is no valid HTTP; `broken`: the response's head and then the
   * connection breaks off.
   */
  readonly gets: { readonly status: number; readonly body: string } | 502 | 'broken';
  /** Whether the upstream's connection carries the next request. */
  readonly reused: boolean;
}

const ok = { status: 200, body: 'hello' };
const length = 'Content-Length: 5\r\n';

function refused(section: string, cases: Readonly<Record<string, string>>): ResponseVector[] {
  return Object.entries(cases).map(([name, sent]) => ({ name, section, sent, gets: 502, reused: false }));
}

function taken(section: string, cases: Readonly<Record<string, string>>): ResponseVector[] {
  return Object.entries(cases).map(([name, sent]) => ({ name, section, sent, gets: ok, reused: true }));
}

/** Bodies in chunks that are wrong: the head is on its way before that is seen. */
function brokenChunks(cases: Readonly<Record<string, string>>): ResponseVector[] {
  return Object.entries(cases).map(([name, body]) => ({
    name: `chunked: ${name}`,
    section: 'RFC 9112 §7.1',
    sent: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
    gets: 'broken',
    reused: false,
  }));
}

export const responseVectors: readonly ResponseVector[] = [
  ...taken('RFC 9112 §4', {
    'the simplest response': `HTTP/1.1 200 OK\r\n${length}\r\nhello`,
    'no reason': `HTTP/1.1 200 \r\n${length}\r\nhello`,
    'no reason and no space': `HTTP/1.1 200\r\n${length}\r\nhello`,
    'a reason with obs-text': `HTTP/1.1 200 \xe9t\xe9\r\n${length}\r\nhello`,
  }),
  ...taken('RFC 9112 §7.1', {
    chunks: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n',
    'chunks with a trailer':
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n',
  }),
  ...taken('RFC 9110 §15.2', {
    'interim responses before': `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\n${length}\r\nhello`,
  }),
  {
    name: 'until the end of the connection',
    section: 'RFC 9112 §6.3 rule 8',
    sent: 'HTTP/1.1 200 OK\r\n\r\nhello',
    ends: true,
    gets: ok,
    reused: false,
  },
  {
    name: 'HTTP/1.0 until the end of the connection',
    section: 'RFC 9112 §6.3 rule 8',
    sent: 'HTTP/1.0 200 OK\r\n\r\nhello',
    ends: true,
    gets: ok,
    reused: false,
  },
  {
    name: 'HTTP/1.0 by length',
    section: 'RFC 9112 §9.3',
    sent: `HTTP/1.0 200 OK\r\n${length}\r\nhello`,
    gets: ok,
    reused: false,
  },
  {
    name: 'HTTP/1.0 that asks to keep the connection',
    section: 'RFC 9112 §9.3',
    sent: `HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n${length}\r\nhello`,
    gets: ok,
    reused: true,
  },
  {
    name: 'Connection: close',
    section: 'RFC 9112 §9.6',
    sent: `HTTP/1.1 200 OK\r\nConnection: close\r\n${length}\r\nhello`,
    gets: ok,
    reused: false,
  },
  {
    name: 'Keep-Alive of no time',
    section: 'RFC 2068 §19.7.1.1',
    sent: `HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\n${length}\r\nhello`,
    gets: ok,
    reused: false,
  },
  {
    name: 'octets after the response',
    section: 'RFC 9112 §6.3',
    sent: `HTTP/1.1 200 OK\r\n${length}\r\nhelloHTTP/1.1 200 OK\r\n${length}\r\nevil!`,
    gets: ok,
    reused: false,
  },
  {
    name: 'one octet after the last chunk',
    section: 'RFC 9112 §7.1',
    sent: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nX',
    gets: ok,
    reused: false,
  },
  {
    name: '204 with a length',
    section: 'RFC 9110 §8.6',
    sent: 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n',
    gets: { status: 204, body: '' },
    reused: true,
  },
  {
    name: '204 with a body',
    section: 'RFC 9112 §6.3 rule 1',
    sent: `HTTP/1.1 204 No Content\r\n${length}\r\nhello`,
    gets: { status: 204, body: '' },
    reused: false,
  },
  {
    name: '304 with a length',
    section: 'RFC 9112 §6.3 rule 1',
    sent: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
    gets: { status: 304, body: '' },
    reused: true,
  },
  {
    name: 'HEAD with chunks announced',
    section: 'RFC 9112 §6.3 rule 1',
    method: 'HEAD',
    sent: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    gets: { status: 200, body: '' },
    reused: true,
  },
  {
    name: 'HEAD with a body',
    section: 'RFC 9112 §6.3 rule 1',
    method: 'HEAD',
    sent: `HTTP/1.1 200 OK\r\n${length}\r\nhello`,
    gets: { status: 200, body: '' },
    reused: false,
  },
  {
    name: 'an empty body',
    section: 'RFC 9112 §6.2',
    sent: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    gets: { status: 200, body: '' },
    reused: true,
  },
  ...refused('RFC 9112 §4', {
    'a version in small letters': `http/1.1 200 OK\r\n${length}\r\nhello`,
    'HTTP/2.0': `HTTP/2.0 200 OK\r\n${length}\r\nhello`,
    'HTTP/1.2': `HTTP/1.2 200 OK\r\n${length}\r\nhello`,
    'two spaces before the status': `HTTP/1.1  200 OK\r\n${length}\r\nhello`,
    'a status of two digits': `HTTP/1.1 99 OK\r\n${length}\r\nhello`,
    'a status of four digits': `HTTP/1.1 2000 OK\r\n${length}\r\nhello`,
    'a status of 600': `HTTP/1.1 600 OK\r\n${length}\r\nhello`,
    'a status of 099': `HTTP/1.1 099 OK\r\n${length}\r\nhello`,
    'a status with a letter': `HTTP/1.1 2x0 OK\r\n${length}\r\nhello`,
    'a tab before the reason': `HTTP/1.1 200\tOK\r\n${length}\r\nhello`,
    'a control in the reason': `HTTP/1.1 200 O\x01K\r\n${length}\r\nhello`,
    'a bare LF': `HTTP/1.1 200 OK\n${length}\r\nhello`,
    'a bare CR': `HTTP/1.1 200 OK\rX: y\r\n${length}\r\nhello`,
    'an empty line before': `\r\nHTTP/1.1 200 OK\r\n${length}\r\nhello`,
    'another protocol': 'SSH-2.0-OpenSSH_9.0\r\n\r\n',
    'HTTP/0.9': '<html>hello</html>\r\n\r\n',
  }),
  ...refused('RFC 9112 §5', {
    'a space before the colon': 'HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello',
    'a folded field': `HTTP/1.1 200 OK\r\nX: y\r\n z\r\n${length}\r\nhello`,
    'a field without a name': `HTTP/1.1 200 OK\r\n: y\r\n${length}\r\nhello`,
    'a NUL in a value': `HTTP/1.1 200 OK\r\nX: \x00\r\n${length}\r\nhello`,
    'a bare LF in the head': `HTTP/1.1 200 OK\r\nX: y\n${length}\r\nhello`,
    '101 fields': `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(101)}\r\n`,
    'a head over 16 KiB': `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(17_000)}\r\n\r\n`,
    'a head that never ends': `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(20_000)}`,
  }),
  ...refused('RFC 9112 §6.3', {
    'two lengths, equal': `HTTP/1.1 200 OK\r\n${length}${length}\r\nhello`,
    'two lengths, different': `HTTP/1.1 200 OK\r\n${length}Content-Length: 6\r\n\r\nhello`,
    'a list of lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello',
    'a negative length': 'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello',
    'a length with a sign': 'HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello',
    'an empty length': 'HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nhello',
    'a length over 2^53': 'HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello',
    'length and coding': `HTTP/1.1 200 OK\r\n${length}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    'an unknown coding': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    'two codings':
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'a coding on HTTP/1.0': 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  }),
  ...refused('RFC 9110 §15.2.2', {
    '101 that nobody asked for':
      'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    'more interim responses than anybody needs': 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(17),
  }),
  ...brokenChunks({
    'a size that is none': 'zz\r\nhello\r\n0\r\n\r\n',
    'a size of 0x5': '0x5\r\nhello\r\n0\r\n\r\n',
    'a blank after the size': '5 \r\nhello\r\n0\r\n\r\n',
    'a bare LF after the size': '5\nhello\r\n0\r\n\r\n',
    'data longer than its size': '5\r\nhelloworld\r\n0\r\n\r\n',
    'a malformed trailer': '5\r\nhello\r\n0\r\nX : y\r\n\r\n',
  }),
  {
    name: 'a body that breaks off',
    section: 'RFC 9112 §8',
    sent: 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello',
    ends: true,
    gets: 'broken',
    reused: false,
  },
  {
    name: 'chunks that break off',
    section: 'RFC 9112 §8',
    sent: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
    ends: true,
    gets: 'broken',
    reused: false,
  },
  {
    name: 'a head that breaks off',
    section: 'RFC 9112 §8',
    method: 'POST',
    sent: 'HTTP/1.1 200 OK\r\nContent-',
    ends: true,
    gets: 502,
    reused: false,
  },
];
