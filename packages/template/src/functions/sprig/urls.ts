import { GoMap, type Value } from '../../language/values.ts';
import { type Definition, dict, exactly, ofTexts } from './define.ts';

/** Go's `net/url` as far as `urlParse` and `urlJoin` show it. */
export const urlFunctions: readonly Definition[] = [
  ['urlParse', ofTexts(1, parseUrl)],
  ['urlJoin', exactly(1, (parts) => joinUrl(dict(parts)))],
];

function parseUrl(source: string): GoMap {
  const fail = (problem: string): never => {
    throw new Error(`unable to parse url: parse ${JSON.stringify(source)}: ${problem}`);
  };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here
  if (/[\x00-\x1f\x7f]/.test(source)) fail('invalid control character in URL');
  const [beforeFragment = '', fragment = ''] = cutAt(source, '#');
  if (beforeFragment.startsWith(':')) fail('missing protocol scheme');
  const [, scheme = '', rest = ''] = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(.*)$/s.exec(beforeFragment) ?? [];
  const [hierarchy = '', query = ''] = cutAt(rest, '?');
  const known = { scheme: scheme.toLowerCase(), query, fragment: decoded(fragment, fail) };
  const none = { userinfo: '', host: '', hostname: '', opaque: '', path: '' };
  if (!hierarchy.startsWith('/')) {
    if (scheme !== '') return strings({ ...none, ...known, opaque: hierarchy });
    if (hierarchy.split('/')[0]?.includes(':')) fail('first path segment in URL cannot contain colon');
  }
  if (!hierarchy.startsWith('//') || (scheme === '' && hierarchy.startsWith('///')))
    return strings({ ...none, ...known, path: decoded(hierarchy, fail) });
  const [, authority = '', path = ''] = /^\/\/([^/]*)(.*)$/s.exec(hierarchy) ?? [];
  return strings({ ...none, ...known, ...authorityOf(authority, fail), path: decoded(path, fail) });
}

function authorityOf(authority: string, fail: (problem: string) => never): Record<string, string> {
  const at = authority.lastIndexOf('@');
  const userinfo = at === -1 ? '' : authority.slice(0, at);
  const host = authority.slice(at + 1);
  const port = /^(?:\[[^\]]*\]|[^:]*)(:.*)?$/s.exec(host)?.[1] ?? '';
  if (port !== '' && !/^:\d*$/.test(port)) fail(`invalid port ${JSON.stringify(port)} after host`);
  if (host.startsWith('[') && !host.includes(']')) fail("missing ']' in host");
  if (/[\s<>"]/.test(host)) fail('invalid character in host name');
  const hostname = host.slice(0, host.length - port.length).replace(/^\[(.*)\]$/s, '$1');
  return { userinfo, host, hostname };
}

function cutAt(source: string, mark: string): readonly [string, string] {
  const at = source.indexOf(mark);
  return at === -1 ? [source, ''] : [source.slice(0, at), source.slice(at + 1)];
}

function decoded(source: string, fail: (problem: string) => never): string {
  const wrong = /%(?![0-9a-fA-F]{2}).{0,2}/s.exec(source);
  if (wrong !== null) fail(`invalid URL escape ${JSON.stringify(wrong[0])}`);
  const bytes = source.replace(/(?:%[0-9a-fA-F]{2})+/g, (run) =>
    Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'),
  );
  return bytes;
}

function strings(parts: Readonly<Record<string, string>>): GoMap {
  return new GoMap(new Map<string, Value>(Object.entries(parts)));
}

function joinUrl(parts: ReadonlyMap<string | number, Value>): string {
  const part = (name: string): string => {
    const value = parts.get(name) ?? '';
    if (typeof value === 'string') return value;
    throw new Error(`unable to parse ${name} key, must be of type string`);
  };
  const [scheme, opaque, userinfo, host, path] = ['scheme', 'opaque', 'userinfo', 'host', 'path'].map(
    part,
  ) as [string, string, string, string, string];
  const lead = scheme === '' ? '' : `${scheme}:`;
  const query = part('query') === '' ? '' : `?${part('query')}`;
  const fragment = part('fragment') === '' ? '' : `#${escapedFor(part('fragment'), "!$&'()*+,/:;=?@")}`;
  if (opaque !== '') return lead + opaque + query + fragment;
  const named = scheme !== '' || host !== '' || userinfo !== '';
  const slashes = named && (host !== '' || path !== '' || userinfo !== '') ? '//' : '';
  const user =
    userinfo === ''
      ? ''
      : `${userinfo
          .split(':')
          .map((word) => escapedFor(word, '$&+,;='))
          .join(':')}@`;
  const slash = host !== '' && path !== '' && !path.startsWith('/') ? '/' : '';
  return lead + slashes + user + host + slash + escapedFor(path, '$&+,/:;=@') + query + fragment;
}

/** Percent-encoded but for letters, digits, `-_.~` and `kept`. */
function escapedFor(source: string, kept: string): string {
  return source.replace(/[^A-Za-z0-9\-_.~]/gu, (character) =>
    kept.includes(character)
      ? character
      : [...Buffer.from(character)]
          .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
          .join(''),
  );
}
