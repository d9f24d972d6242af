/**
 * What the data plane takes and refuses, octet by octet, each with the section it comes from. Run against our proxy with a raw
 * recorder behind it: what is refused must not reach the recorder, what is taken must reach it exactly as `seen` says.
 */
export interface RequestVector {
  readonly name: string;
  readonly section: string;
  /** Latin-1. */
  readonly sent: string;
  /** What the client gets. */
  readonly status: number;
  /** The request line that the upstream gets; only where `status` is 200. Default: `GET / HTTP/1.1`. */
  readonly line?: string;
  /** Lines that must be in the upstream's head. */
  readonly has?: readonly string[];
  /** Names (lower case) that must not be in the upstream's head. */
  readonly lacks?: readonly string[];
  /** The body as the upstream gets it, unframed. */
  readonly body?: string;
}

const host = 'Host: a.test\r\n';

function fields(section: string, status: number, cases: Readonly<Record<string, string>>): RequestVector[] {
  return Object.entries(cases).map(([name, lines]) => ({
    ...{ name, section, status },
    sent: `GET / HTTP/1.1\r\n${host}${lines}\r\n`,
  }));
}

function targets(section: string, status: number, cases: readonly string[]): RequestVector[] {
  return cases.map((target) => ({
    name: `target ${JSON.stringify(target)}`,
    ...{ section, status },
    sent: `GET ${target} HTTP/1.1\r\n${host}\r\n`,
  }));
}

function paths(section: string, cases: readonly (readonly [string, string])[]): RequestVector[] {
  return cases.map(([target, forwarded]) => ({
    name: `target ${target} is forwarded as ${forwarded}`,
    ...{ section, status: 200 },
    sent: `GET ${target} HTTP/1.1\r\n${host}\r\n`,
    line: `GET ${forwarded} HTTP/1.1`,
  }));
}

function lines(section: string, status: number, cases: readonly string[]): RequestVector[] {
  return cases.map((line) => ({
    name: `request line ${JSON.stringify(line)}`,
    ...{ section, status },
    sent: `${line}${host}\r\n`,
  }));
}

function posts(section: string, status: number, cases: Readonly<Record<string, string>>): RequestVector[] {
  return Object.entries(cases).map(([name, rest]) => ({
    ...{ name, section, status },
    sent: `POST / HTTP/1.1\r\n${host}${rest}`,
    line: 'POST / HTTP/1.1',
  }));
}

/** One chunked body each. */
function chunked(section: string, status: number, cases: Readonly<Record<string, string>>): RequestVector[] {
  return Object.entries(cases).map(([name, body]) => ({
    name: `chunked: ${name}`,
    ...{ section, status },
    sent: `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n${body}`,
    line: 'POST / HTTP/1.1',
    ...(status === 200 ? { body: 'hello' } : {}),
  }));
}

function hosts(section: string, status: number, values: readonly string[]): RequestVector[] {
  return values.map((value) => ({
    name: `Host: ${JSON.stringify(value)}`,
    ...{ section, status },
    sent: `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`,
  }));
}

const lineVectors: readonly RequestVector[] = [
  {
    name: 'the simplest request',
    section: 'RFC 9112 §3',
    sent: `GET / HTTP/1.1\r\n${host}\r\n`,
    status: 200,
  },
  {
    name: 'one empty line before',
    section: 'RFC 9112 §2.2',
    sent: `\r\nGET / HTTP/1.1\r\n${host}\r\n`,
    status: 200,
  },
  {
    name: 'two empty lines before',
    section: 'RFC 9112 §2.2',
    sent: `\r\n\r\nGET / HTTP/1.1\r\n${host}\r\n`,
    status: 400,
  },
  {
    name: 'a bare LF before',
    section: 'RFC 9112 §2.2',
    sent: `\nGET / HTTP/1.1\r\n${host}\r\n`,
    status: 400,
  },
  ...lines('RFC 9112 §3', 400, [
    ' GET / HTTP/1.1\r\n',
    'GET  / HTTP/1.1\r\n',
    'GET /  HTTP/1.1\r\n',
    'GET\t/ HTTP/1.1\r\n',
    'GET /\tHTTP/1.1\r\n',
    'GET / HTTP/1.1 \r\n',
    'GET / HTTP/1.1\t\r\n',
    'GET /\r\n',
    'GET\r\n',
    'GET / \r\n',
    '/ HTTP/1.1\r\n',
    'GET / HTTP/1.1\n',
    'GET / HTTP/1.1\r\r\n',
    'GET / HTTP/1.1\rX: y\r\n',
    'GET / http/1.1\r\n',
    'GET / HTTP 1.1\r\n',
    'GET / HTTP/1,1\r\n',
    'GET / HTTP\r\n',
    'GET / XTTP/1.1\r\n',
    'GET / junk HTTP/1.1\r\n',
  ]),
  ...lines('RFC 9112 §2.3', 505, [
    'GET / HTTP/2.0\r\n',
    'GET / HTTP/1.2\r\n',
    'GET / HTTP/0.9\r\n',
    'GET / HTTP/3\r\n',
    'GET / HTTP/1.9\r\n',
    'PRI * HTTP/2.0\r\n',
  ]),
  ...lines('RFC 9112 §2.3', 400, ['GET / HTTP/1.10\r\n', 'GET / HTTP/1.11\r\n']),
  ...lines('RFC 9110 §9.1', 400, [
    'GE(T / HTTP/1.1\r\n',
    'GET: / HTTP/1.1\r\n',
    'G\x00T / HTTP/1.1\r\n',
    'G\xc9T / HTTP/1.1\r\n',
    '"GET" / HTTP/1.1\r\n',
    `${'M'.repeat(33)} / HTTP/1.1\r\n`,
  ]),
  {
    name: 'an unknown method is passed on',
    section: 'RFC 9110 §9.1',
    sent: `PURGE /x HTTP/1.1\r\n${host}\r\n`,
    status: 200,
    line: 'PURGE /x HTTP/1.1',
  },
  {
    name: 'a small-letter method is another method',
    section: 'RFC 9110 §9.1',
    sent: `get / HTTP/1.1\r\n${host}\r\n`,
    status: 200,
    line: 'get / HTTP/1.1',
  },
  {
    name: 'CONNECT',
    section: 'RFC 9110 §9.3.6',
    sent: `CONNECT a.test:80 HTTP/1.1\r\n${host}\r\n`,
    status: 405,
  },
  {
    name: 'TRACE with a body',
    section: 'RFC 9110 §9.3.8',
    sent: `TRACE / HTTP/1.1\r\n${host}Content-Length: 1\r\n\r\nx`,
    status: 400,
  },
];

const targetVectors: readonly RequestVector[] = [
  ...targets('RFC 9112 §3.2', 400, [
    '*',
    'a.test:80',
    'foo',
    '?q',
    'ftp://a.test/',
    'http:/a.test/',
    'http://',
    'http:///x',
    '//\x00',
    '/a\x7fb',
    '/\xe9',
    '/a#b',
    '/a?b#c',
    '/a"b',
    '/<a>',
    '/a b',
  ]),
  ...targets('RFC 9112 §3.2.2', 400, [
    'http://b.test/',
    'http://a.test:81/',
    'http://user@a.test/',
    'http://a.test@b.test/',
    'http://u:p@a.test/x',
  ]),
  {
    name: 'the absolute form that agrees with Host',
    section: 'RFC 9112 §3.2.2',
    sent: `GET http://a.test/x?y HTTP/1.1\r\n${host}\r\n`,
    status: 200,
    line: 'GET /x?y HTTP/1.1',
    has: ['Host: a.test'],
  },
  {
    name: 'the absolute form in other letters',
    section: 'RFC 9110 §4.2.3',
    sent: `GET HTTP://A.TEST HTTP/1.1\r\n${host}\r\n`,
    status: 200,
    line: 'GET / HTTP/1.1',
  },
  {
    name: 'OPTIONS *',
    section: 'RFC 9112 §3.2.4',
    sent: `OPTIONS * HTTP/1.1\r\n${host}\r\n`,
    status: 200,
    line: 'OPTIONS * HTTP/1.1',
  },
  ...targets('RFC 3986 §3.3', 400, [
    '/a%00b',
    '/a%2fb',
    '/a%2Fb',
    '/a%5cb',
    '/a%5Cb',
    '/a\\b',
    '/a%zzb',
    '/a%1',
    '/a%',
    '/%',
    '/a%u0041',
    '/..',
    '/../x',
    '/a/../../x',
    '/%2e%2e/x',
    '/%2E./x',
    '/a/..;/x',
    '/..;v=1/x',
    '/a/.;/x',
    '/a/%2e%2e;/x',
  ]),
  ...paths('RFC 3986 §6.2.2', [
    ['/a/./b', '/a/b'],
    ['/a/../b', '/b'],
    ['/a/..', '/'],
    ['/a/b/..', '/a/'],
    ['/a/.', '/a/'],
    ['/.', '/'],
    ['/a/%2e%2e/b', '/b'],
    ['/%7Euser', '/~user'],
    ['/%41%2d%5f', '/A-_'],
    ['/%c3%a9', '/%C3%A9'],
    ['/a%20b', '/a%20b'],
    ['/a//b', '/a//b'],
    ['//x', '//x'],
    ['/a;b=c/d', '/a;b=c/d'],
    ['/.hidden', '/.hidden'],
    ['/a..b/...', '/a..b/...'],
    ['/?../..', '/?../..'],
    ['/a?b=%2f%00%5c\\', '/a?b=%2f%00%5c\\'],
    ['/a?x|y^{z}`', '/a?x|y^{z}`'],
    ["/!$&'()*+,;=:@-._~", "/!$&'()*+,;=:@-._~"],
  ]),
  {
    name: 'a target over 8 KiB',
    section: 'RFC 9112 §3',
    sent: `GET /${'a'.repeat(8_200)} HTTP/1.1\r\n${host}\r\n`,
    status: 414,
  },
];

const hostVectors: readonly RequestVector[] = [
  { name: 'no Host', section: 'RFC 9112 §3.2', sent: 'GET / HTTP/1.1\r\n\r\n', status: 400 },
  { name: 'no Host on HTTP/1.0', section: 'RFC 9112 §3.2', sent: 'GET / HTTP/1.0\r\n\r\n', status: 404 },
  { name: 'two Hosts', section: 'RFC 9112 §3.2', sent: `GET / HTTP/1.1\r\n${host}${host}\r\n`, status: 400 },
  {
    name: 'two Hosts on HTTP/1.0',
    section: 'RFC 9112 §3.2',
    sent: `GET / HTTP/1.0\r\n${host}${host}\r\n`,
    status: 400,
  },
  { name: 'an empty Host', section: 'RFC 9112 §3.2', sent: 'GET / HTTP/1.1\r\nHost:\r\n\r\n', status: 404 },
  ...hosts('RFC 9110 §7.2', 400, [
    'a.test, b.test',
    'a test',
    'user@a.test',
    'a.test/',
    'a.test/x',
    'a.test?',
    'a.test#',
    'a.test:x',
    'a.test:65536',
    'a.test:-1',
    'a.test:80:80',
    'a.test:800000',
    ':80',
    'a..test',
    '.a.test',
    'a%2etest',
    '[::1',
    '::1',
    '[zz]',
    '[::1]x',
    "a'.test",
    'a.test\\',
    `${'a'.repeat(300)}.test`,
    '\xe9.test',
  ]),
  {
    name: 'Host in capitals, with a dot at its end and a port',
    section: 'RFC 9110 §4.2.3',
    sent: 'GET / HTTP/1.1\r\nHost: A.TEST.:8080\r\n\r\n',
    status: 200,
    has: ['Host: a.test:8080'],
  },
  {
    name: 'Host with an empty port',
    section: 'RFC 3986 §3.2.3',
    sent: 'GET / HTTP/1.1\r\nHost: a.test:\r\n\r\n',
    status: 200,
    has: ['Host: a.test'],
  },
];

const fieldVectors: readonly RequestVector[] = [
  ...fields('RFC 9112 §5.1', 400, {
    'a space before the colon': 'X : y\r\n',
    'a tab before the colon': 'X\t: y\r\n',
    'no name': ': y\r\n',
    'no colon': 'Xy\r\n',
    'a name with a space': 'X Y: z\r\n',
    'a name in quotes': '"X": y\r\n',
    'a name with a NUL': 'X\x00Y: z\r\n',
    'a name with an octet above 0x7f': 'X\xe9: y\r\n',
    'a name with a bracket': 'X[]: y\r\n',
    'a name with a slash': 'X/Y: z\r\n',
    'a name with parentheses': 'X(Y): z\r\n',
    'a name with a DEL': 'X\x7f: y\r\n',
  }),
  ...fields('RFC 9112 §5.2', 400, {
    'a folded value': 'X: y\r\n z\r\n',
    'a value folded by a tab': 'X: y\r\n\tz\r\n',
    'a line of blanks': 'X: y\r\n \r\n',
  }),
  {
    name: 'a first field that begins with a blank',
    section: 'RFC 9112 §2.2',
    sent: `GET / HTTP/1.1\r\n ${host}\r\n`,
    status: 400,
  },
  ...fields('RFC 9110 §5.5', 400, {
    'a bare LF ends a line': 'X: y\nZ: w\r\n',
    'a bare CR in a value': 'X: y\rZ: w\r\n',
    'CR CR LF': 'X: y\r\r\n',
    'a NUL in a value': 'X: y\x00z\r\n',
    'a control in a value': 'X: y\x01z\r\n',
    'a DEL in a value': 'X: y\x7fz\r\n',
    'a vertical tab in a value': 'X: y\x0bz\r\n',
    'a form feed in a value': 'X: y\x0cz\r\n',
    'an escape in a value': 'X: \x1b[0m\r\n',
    'a bare LF ends the head': '\n',
  }),
  {
    name: 'white space around a value, an empty value, obs-text, a quoted string, tabs inside',
    section: 'RFC 9110 §5.5',
    sent: `GET / HTTP/1.1\r\n${host}A:\t b \t\r\nB:\r\nC: \xe9\r\nD: "x\ty"\r\nE:no-space\r\n\r\n`,
    status: 200,
    has: ['A: b', 'B: ', 'C: \xe9', 'D: "x\ty"', 'E: no-space'],
  },
  {
    name: 'every token character in a name',
    section: 'RFC 9110 §5.6.2',
    sent: `GET / HTTP/1.1\r\n${host}!#$%&'*+-.^_\`|~09azAZ: x\r\n\r\n`,
    status: 200,
    has: ["!#$%&'*+-.^_`|~09azAZ: x"],
  },
  {
    name: '100 fields',
    section: 'our limit',
    sent: `GET / HTTP/1.1\r\n${host}${'X: y\r\n'.repeat(99)}\r\n`,
    status: 200,
  },
  {
    name: '101 fields',
    section: 'RFC 6585 §5',
    sent: `GET / HTTP/1.1\r\n${host}${'X: y\r\n'.repeat(100)}\r\n`,
    status: 431,
  },
  {
    name: 'a head over 16 KiB',
    section: 'RFC 6585 §5',
    sent: `GET / HTTP/1.1\r\n${host}X: ${'y'.repeat(17_000)}\r\n\r\n`,
    status: 431,
  },
  ...fields('RFC 3875 §4.1.18', 400, {
    'an underscore imitates X-Forwarded-For': 'X_Forwarded_For: 1.2.3.4\r\n',
    'a dot imitates X-Forwarded-Host': 'X.Forwarded.Host: b\r\n',
    'an underscore imitates Content-Length': 'Content_Length: 5\r\n',
    'an underscore imitates Transfer-Encoding': 'Transfer_Encoding: chunked\r\n',
    'an underscore imitates X-Real-IP': 'x_real-ip: 1\r\n',
  }),
  {
    name: 'an underscore that imitates nothing',
    section: 'RFC 9110 §5.1',
    sent: `GET / HTTP/1.1\r\n${host}my_field: x\r\n\r\n`,
    status: 200,
    has: ['my_field: x'],
  },
];

const hopVectors: readonly RequestVector[] = [
  {
    name: 'hop-by-hop fields stay here',
    section: 'RFC 9110 §7.6.1',
    sent: `GET / HTTP/1.1\r\n${host}Connection: keep-alive, X-Hop\r\nKeep-Alive: 5\r\nX-Hop: 1\r\nX-End: 2\r\nTE: trailers\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n`,
    status: 200,
    has: ['X-End: 2'],
    lacks: ['connection', 'keep-alive', 'x-hop', 'te', 'proxy-connection', 'upgrade', 'http2-settings'],
  },
  ...['authorization', 'cookie', 'X-Forwarded-For', 'Host', 'X-Request-Id', 'content-type'].map(
    (name): RequestVector => ({
      name: `Connection cannot take ${name} away`,
      section: 'RFC 9110 §7.6.1, CVE-2024-45410',
      sent: `GET / HTTP/1.1\r\n${host}Connection: ${name}\r\nAuthorization: a\r\nCookie: c\r\nContent-Type: t\r\n\r\n`,
      status: 200,
      has: [
        'Authorization: a',
        'Cookie: c',
        'Content-Type: t',
        'X-Forwarded-For: 127.0.0.1',
        'X-Forwarded-Host: a.test',
      ],
    }),
  ),
  ...fields('RFC 9110 §7.6.1', 400, {
    'Connection is no list of tokens': 'Connection: a b\r\n',
    'Connection names a quoted string': 'Connection: "close"\r\n',
    'Connection names too much': `Connection: ${Array.from({ length: 20 }, (_, index) => `x${index}`).join(', ')}\r\n`,
  }),
  {
    name: 'what a stranger says of X-Forwarded is replaced',
    section: 'RFC 7239 §8.1',
    sent: `GET / HTTP/1.1\r\n${host}X-Forwarded-For: 6.6.6.6\r\nx-forwarded-proto: https\r\nX-FORWARDED-HOST: evil\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX-Forwarded-Prefix: /x\r\nX-Forwarded-Port: 1\r\n\r\n`,
    status: 200,
    has: ['X-Forwarded-For: 127.0.0.1', 'X-Forwarded-Proto: http', 'X-Forwarded-Host: a.test'],
    lacks: ['forwarded', 'x-real-ip', 'x-forwarded-prefix', 'x-forwarded-port'],
  },
  {
    name: 'what a client says of its certificate goes nowhere',
    section: 'RFC 9440 §4',
    sent: `GET / HTTP/1.1\r\n${host}ssl-client-verify: SUCCESS\r\nSSL-Client-Subject-DN: CN=root\r\n\r\n`,
    status: 200,
    has: [],
    lacks: ['ssl-client-verify', 'ssl-client-subject-dn'],
  },
  ...fields('RFC 9110 §10.1.1', 417, { 'Expect: something else': 'Expect: the-unexpected\r\n' }),
];

const framingVectors: readonly RequestVector[] = [
  {
    name: 'Content-Length',
    section: 'RFC 9112 §6.2',
    sent: `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello`,
    status: 200,
    line: 'POST / HTTP/1.1',
    has: ['Content-Length: 5'],
    body: 'hello',
  },
  {
    name: 'POST without a body says so',
    section: 'RFC 9110 §8.6',
    sent: `POST / HTTP/1.1\r\n${host}\r\n`,
    status: 200,
    line: 'POST / HTTP/1.1',
    has: ['Content-Length: 0'],
  },
  {
    name: 'Content-Length with zeros before it',
    section: 'RFC 9110 §8.6',
    sent: `POST / HTTP/1.1\r\n${host}Content-Length: 005\r\n\r\nhello`,
    status: 200,
    line: 'POST / HTTP/1.1',
    has: ['Content-Length: 5'],
    body: 'hello',
  },
  ...posts('RFC 9112 §6.3 rule 5', 400, {
    'Content-Length twice, equal': 'Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello',
    'Content-Length twice, different': 'Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
    'Content-Length as a list': 'Content-Length: 5, 5\r\n\r\nhello',
    'an empty Content-Length': 'Content-Length:\r\n\r\nhello',
    'Content-Length +5': 'Content-Length: +5\r\n\r\nhello',
    'Content-Length -5': 'Content-Length: -5\r\n\r\nhello',
    'Content-Length 0x5': 'Content-Length: 0x5\r\n\r\nhello',
    'Content-Length 5 5': 'Content-Length: 5 5\r\n\r\nhello',
    'Content-Length 5.0': 'Content-Length: 5.0\r\n\r\nhello',
    'Content-Length 5e0': 'Content-Length: 5e0\r\n\r\nhello',
    'Content-Length 1_0': 'Content-Length: 1_0\r\n\r\nhello',
    'Content-Length "5"': 'Content-Length: "5"\r\n\r\nhello',
    'Content-Length in other digits': 'Content-Length: \xb2\r\n\r\nhello',
    'Content-Length of 2^53': 'Content-Length: 9007199254740992\r\n\r\nhello',
    'Content-Length of 2^64 and 5': 'Content-Length: 18446744073709551621\r\n\r\nhello',
    'Content-Length none': 'Content-Length: none\r\n\r\nhello',
    'Content-Length 5;': 'Content-Length: 5;\r\n\r\nhello',
  }),
  ...posts('RFC 9112 §6.1', 400, {
    'both, length first': 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'both, coding first': 'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n',
    'chunked twice': 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'chunked, chunked': 'Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n',
    'chunked, identity': 'Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
    'an empty Transfer-Encoding': 'Transfer-Encoding:\r\n\r\n',
    'chunked with a comma before': 'Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n',
    'chunked with a comma after': 'Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n',
    'chunked with a parameter': 'Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n',
    'chunked in quotes': 'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    'chunked with a vertical tab': 'Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n',
    'identity and chunked on two lines':
      'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n',
  }),
  ...posts('RFC 9112 §6.1', 501, {
    'gzip, chunked': 'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    identity: 'Transfer-Encoding: identity\r\n\r\n',
    xchunked: 'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
    chunke: 'Transfer-Encoding: chunke\r\n\r\n0\r\n\r\n',
    'cow, chunked': 'Transfer-Encoding: cow, chunked\r\n\r\n0\r\n\r\n',
  }),
  {
    name: 'Transfer-Encoding on HTTP/1.0',
    section: 'RFC 9112 §6.1',
    sent: `POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    status: 400,
  },
  {
    name: 'Transfer-Encoding in capitals',
    section: 'RFC 9112 §7',
    sent: `POST / HTTP/1.1\r\n${host}TRANSFER-ENCODING: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    status: 200,
    line: 'POST / HTTP/1.1',
    has: ['Transfer-Encoding: chunked'],
    body: 'hello',
  },
];

const chunkVectors: readonly RequestVector[] = [
  ...chunked('RFC 9112 §7.1', 200, {
    'one chunk': '5\r\nhello\r\n0\r\n\r\n',
    'two chunks': '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n',
    'zeros before the size': '00005\r\nhello\r\n000\r\n\r\n',
  }),
  ...chunked('RFC 9112 §7.1.1', 200, {
    'an extension': '5;a\r\nhello\r\n0\r\n\r\n',
    'an extension with a value': '5;a=b;c="d;\\"e"\r\nhello\r\n0;x\r\n\r\n',
  }),
  ...chunked('RFC 9112 §7.1.2', 200, {
    'a trailer': '5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n',
  }),
  ...chunked('RFC 9112 §7.1', 400, {
    'no size': '\r\nhello\r\n0\r\n\r\n',
    'a size of 0x5': '0x5\r\nhello\r\n0\r\n\r\n',
    'a size of +5': '+5\r\nhello\r\n0\r\n\r\n',
    'a size of -5': '-5\r\nhello\r\n0\r\n\r\n',
    'a size of 5_': '5_\r\nhello\r\n0\r\n\r\n',
    'a size of g': 'g\r\nhello\r\n0\r\n\r\n',
    'a blank before the size': ' 5\r\nhello\r\n0\r\n\r\n',
    'a blank after the size': '5 \r\nhello\r\n0\r\n\r\n',
    'a tab after the size': '5\t\r\nhello\r\n0\r\n\r\n',
    'a size over 2^52': '10000000000000\r\nhello\r\n0\r\n\r\n',
    'a size over 2^64': '10000000000000005\r\nhello\r\n0\r\n\r\n',
    'a bare LF after the size': '5\nhello\r\n0\r\n\r\n',
    'a bare CR after the size': '5\rhello\r\n0\r\n\r\n',
    'a bare LF after the data': '5\r\nhello\n0\r\n\r\n',
    'data longer than its size': '5\r\nhelloworld\r\n0\r\n\r\n',
    'data shorter than its size': '6\r\nhello\r\n0\r\n\r\n',
    'CR CR LF after the size': '5\r\r\nhello\r\n0\r\n\r\n',
    'a NUL after the size': '5\x00\r\nhello\r\n0\r\n\r\n',
  }),
  ...chunked('RFC 9112 §7.1.1', 400, {
    'an extension without a name': '5;\r\nhello\r\n0\r\n\r\n',
    'an extension without a value': '5;a=\r\nhello\r\n0\r\n\r\n',
    'an extension with a bare LF': '5;a\nhello\r\n0\r\n\r\n',
    'an extension with a bare CR': '5;a\rb\r\nhello\r\n0\r\n\r\n',
    'a quoted string that does not end': '5;a="b\r\nhello\r\n0\r\n\r\n',
    'a blank in an extension': '5;a b\r\nhello\r\n0\r\n\r\n',
    'an extension over 256 octets': `5;a=${'b'.repeat(300)}\r\nhello\r\n0\r\n\r\n`,
    'an extension with a NUL': '5;a=\x00\r\nhello\r\n0\r\n\r\n',
    'something after a quoted string': '5;a="b"c\r\nhello\r\n0\r\n\r\n',
  }),
  ...chunked('RFC 9112 §7.1.2', 400, {
    'a malformed trailer': '5\r\nhello\r\n0\r\nX : y\r\n\r\n',
    'a folded trailer': '5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n',
    'a trailer with a bare LF': '5\r\nhello\r\n0\r\nX: y\n\r\n',
    'a bare LF at the end': '5\r\nhello\r\n0\r\n\n',
  }),
];

/** What programs in use really send. */
const everydayVectors: readonly RequestVector[] = [
  {
    name: 'curl',
    section: 'RFC 9110',
    sent: 'GET /a?b HTTP/1.1\r\nHost: a.test\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n',
    status: 200,
    line: 'GET /a?b HTTP/1.1',
    has: ['User-Agent: curl/8.5.0', 'Accept: */*'],
  },
  {
    name: 'a browser',
    section: 'RFC 9110',
    sent:
      'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive\r\nCache-Control: max-age=0\r\nsec-ch-ua: "Not/A)Brand";v="8"\r\n' +
      'Upgrade-Insecure-Requests: 1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html;q=0.9\r\n' +
      'Accept-Encoding: gzip, deflate, br\r\nCookie: a=b; c="d,e"; f=%20\r\n\r\n',
    status: 200,
    has: ['sec-ch-ua: "Not/A)Brand";v="8"', 'Cookie: a=b; c="d,e"; f=%20', 'Upgrade-Insecure-Requests: 1'],
    lacks: ['connection'],
  },
  {
    name: 'a WebSocket that the upstream does not accept',
    section: 'RFC 6455 §4.1',
    sent: `GET /chat HTTP/1.1\r\n${host}Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    status: 200,
    line: 'GET /chat HTTP/1.1',
    has: ['Connection: upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: x'],
  },
  {
    name: 'an Upgrade that Connection does not name',
    section: 'RFC 9110 §7.8',
    sent: `GET / HTTP/1.1\r\n${host}Upgrade: websocket\r\n\r\n`,
    status: 200,
    lacks: ['upgrade', 'connection'],
  },
  {
    name: 'h2c is not offered',
    section: 'RFC 9110 §7.8',
    sent: `GET / HTTP/1.1\r\n${host}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
    status: 200,
    lacks: ['upgrade', 'connection', 'http2-settings'],
  },
  {
    name: 'a WebSocket upgrade with POST is no upgrade',
    section: 'RFC 6455 §4.1',
    sent: `POST / HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    status: 200,
    line: 'POST / HTTP/1.1',
    lacks: ['upgrade', 'connection'],
  },
  {
    name: 'an upgrade on HTTP/1.0 is none',
    section: 'RFC 9110 §7.8',
    sent: `GET / HTTP/1.0\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    status: 200,
    lacks: ['upgrade', 'connection'],
  },
  {
    name: 'HTTP/1.0 becomes HTTP/1.1',
    section: 'RFC 9112 §2.3',
    sent: `GET / HTTP/1.0\r\n${host}\r\n`,
    status: 200,
  },
  {
    name: 'Expect with a body that is here already',
    section: 'RFC 9110 §10.1.1',
    sent: `POST / HTTP/1.1\r\n${host}Expect: 100-Continue\r\nContent-Length: 5\r\n\r\nhello`,
    status: 200,
    line: 'POST / HTTP/1.1',
    lacks: ['expect'],
    body: 'hello',
  },
  {
    name: 'Expect without a body',
    section: 'RFC 9110 §10.1.1',
    sent: `GET / HTTP/1.1\r\n${host}Expect: 100-continue\r\n\r\n`,
    status: 200,
    lacks: ['expect'],
  },
  {
    name: 'GET with a body',
    section: 'RFC 9110 §9.3.1',
    sent: `GET / HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello`,
    status: 200,
    has: ['Content-Length: 5'],
    body: 'hello',
  },
  {
    name: 'DELETE with chunks',
    section: 'RFC 9110 §9.3.5',
    sent: `DELETE / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    status: 200,
    line: 'DELETE / HTTP/1.1',
    body: 'hello',
  },
  ...['PUT', 'PATCH'].map(
    (method): RequestVector => ({
      name: `${method} without a body`,
      section: 'RFC 9110 §8.6',
      sent: `${method} / HTTP/1.1\r\n${host}\r\n`,
      status: 200,
      line: `${method} / HTTP/1.1`,
      has: ['Content-Length: 0'],
    }),
  ),
  ...['GET', 'DELETE', 'OPTIONS', 'TRACE'].map(
    (method): RequestVector => ({
      name: `${method} without a body says nothing of one`,
      section: 'RFC 9110 §8.6',
      sent: `${method} / HTTP/1.1\r\n${host}\r\n`,
      status: 200,
      line: `${method} / HTTP/1.1`,
      lacks: ['content-length', 'transfer-encoding'],
    }),
  ),
  {
    name: 'a given X-Request-Id that looks like one is kept',
    section: 'our rule',
    sent: `GET / HTTP/1.1\r\n${host}X-Request-Id: 4bf92f35-77b3-4da6\r\n\r\n`,
    status: 200,
    has: ['X-Request-Id: 4bf92f35-77b3-4da6'],
  },
  {
    name: 'names are compared without regard to case',
    section: 'RFC 9110 §5.1',
    sent: 'POST / HTTP/1.1\r\nhOST: a.test\r\ncONTENT-lENGTH: 5\r\n\r\nhello',
    status: 200,
    line: 'POST / HTTP/1.1',
    has: ['Host: a.test', 'Content-Length: 5'],
    body: 'hello',
  },
  {
    name: 'names that Object knows',
    section: 'RFC 9110 §5.1',
    sent: `GET / HTTP/1.1\r\n${host}__proto__: x\r\nconstructor: y\r\n\r\n`,
    status: 200,
    has: ['__proto__: x', 'constructor: y'],
  },
  {
    name: 'a repeated field stays in order',
    section: 'RFC 9110 §5.3',
    sent: `GET / HTTP/1.1\r\n${host}X: 1\r\nY: 2\r\nX: 3\r\n\r\n`,
    status: 200,
    has: ['X: 1', 'Y: 2', 'X: 3'],
  },
];

/** Requests that would be two for a laxer reader. */
const smugglingVectors: readonly RequestVector[] = [
  ...posts('RFC 9112 §11.2', 400, {
    'CL.TE': 'Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG',
    'TE.CL': 'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGPOST / HTTP/1.1\r\n\r\n0\r\n\r\n',
    'TE.TE with a space before the colon': 'Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n',
    'TE.TE with a tab before the value and a name twice':
      'Transfer-Encoding:\tchunked\r\nTransfer-Encoding: cow\r\n\r\n0\r\n\r\n',
    'TE.TE with a line of its own': 'X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'TE folded': 'Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n',
    'CL folded': 'Content-Length:\r\n 5\r\n\r\nhello',
    'CL with a NUL': 'Content-Length: 5\x00\r\n\r\nhello',
    'CL with a vertical tab': 'Content-Length: \x0b5\r\n\r\nhello',
    'CL in hexadecimal': 'Content-Length: 0x05\r\n\r\nhello',
    'CL and CL with another name': 'Content-Length: 0\r\nContent_Length: 44\r\n\r\n',
    'Connection hides the length': 'Connection: Content-Length, a b\r\nContent-Length: 5\r\n\r\nhello',
    'a CR in the name': 'Content-\rLength: 5\r\n\r\nhello',
    'a name that begins with a NUL': '\x00Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'an obs-text name': '\xa0Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  }),
  {
    name: 'what Connection names cannot be the length',
    section: 'RFC 9110 §7.6.1',
    sent: `POST / HTTP/1.1\r\n${host}Connection: Content-Length\r\nContent-Length: 5\r\n\r\nhello`,
    status: 200,
    line: 'POST / HTTP/1.1',
    has: ['Content-Length: 5'],
    body: 'hello',
  },
  {
    name: 'what Connection names cannot be the coding',
    section: 'RFC 9110 §7.6.1',
    sent: `POST / HTTP/1.1\r\n${host}Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    status: 200,
    line: 'POST / HTTP/1.1',
    has: ['Transfer-Encoding: chunked'],
    body: 'hello',
  },
];

export const requestVectors: readonly RequestVector[] = [
  ...lineVectors,
  ...targetVectors,
  ...hostVectors,
  ...fieldVectors,
  ...hopVectors,
  ...framingVectors,
  ...chunkVectors,
  ...everydayVectors,
  ...smugglingVectors,
];
