import { Fault } from '@portolan/core/base/fault.ts';

export const defaultServer = 'http://127.0.0.1:8500';

/**
 * The registry's base URL, ending in `/`. Takes `http://host:port[/prefix]`, `https://…` and, as Consul's variable
 * has it, a bare `host:port`.
 */
export function serverUrl(text: string): URL {
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(withScheme)) {
    throw invalid(text, `use something like ${defaultServer}`);
  }
  const url = new URL(withScheme);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw invalid(text, 'use http:// or https://');
  if (url.username !== '' || url.password !== '') {
    throw invalid(`${url.protocol}//…@${url.host}`, 'leave out the user and give a token instead');
  }
  if (url.search !== '' || url.hash !== '') throw invalid(text, 'leave out everything from ? or # on');
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function invalid(text: string, fix: string): Fault {
  return new Fault('invalid', `server: '${text}' is not the address of a registry; ${fix}`, {
    path: 'server',
  });
}
