import type { RoutePolicies } from '../../../route.ts';
import { cidrs } from './cidrs.ts';
import type { AnnotationGroup } from './draft.ts';
import { isHeaderName } from './header-value.ts';
import type { AnnotationReader } from './reader.ts';
import { secretData } from './secrets.ts';

/** nginx's `proxy_read_timeout` for the subrequest. */
const authTimeoutMs = 60_000;

/**
 * `whitelist-source-range`, `allowlist-source-range`, `denylist-source-range`, `auth-type`, `auth-secret`, `auth-secret-type`, `auth-realm`,
 * `auth-url`, `auth-method`, `auth-signin`, `auth-response-headers`, `satisfy`. What should guard and cannot denies everything.
 */
export const accessAnnotations: AnnotationGroup = (read, draft, { rule, context }) => {
  const access = sourceRanges(read);
  if (access !== undefined) draft.policies.access = access;
  const basicAuth = basicAuthOf(read, rule.namespace, context);
  if (basicAuth !== undefined) draft.policies.basicAuth = basicAuth;
  const externalAuth = externalAuthOf(read);
  if (externalAuth !== undefined) draft.policies.externalAuth = externalAuth;
  if (read.choice('satisfy', ['all', 'any']) === 'any') draft.policies.satisfy = 'any';
};

function sourceRanges(read: AnnotationReader): RoutePolicies['access'] {
  const [first, second] = [allowed(read, 'whitelist-source-range'), allowed(read, 'allowlist-source-range')];
  const allow = second ?? first;
  const deny = allowed(read, 'denylist-source-range');
  if (allow === undefined && deny === undefined) return undefined;
  return { ...(allow === undefined ? {} : { allow }), ...(deny === undefined ? {} : { deny }) };
}

function allowed(read: AnnotationReader, name: string): readonly string[] | undefined {
  const said = cidrs(read, name);
  if (said !== undefined && said.wrong.length > 0)
    read.deny(name, `${said.wrong.join(', ')} is no range such as 10.0.0.0/8`);
  return said?.ranges;
}

function basicAuthOf(
  read: AnnotationReader,
  namespace: string,
  context: Parameters<AnnotationGroup>[2]['context'],
): RoutePolicies['basicAuth'] {
  const type = read.choice('auth-type', ['basic', 'digest']);
  const secret = read.text('auth-secret');
  const form = read.choice('auth-secret-type', ['auth-file', 'auth-map']) ?? 'auth-file';
  const realm = (read.text('auth-realm') ?? '').replaceAll(/[^\x20-\x7e]/g, '');
  if (type === undefined) {
    const meant = secret ?? read.text('auth-type');
    if (meant !== undefined) read.deny('auth-type', 'it must be basic');
    return undefined;
  }
  if (type === 'digest') {
    read.deny('auth-type', 'digest is not supported (its hashes are MD5): use basic, over TLS');
    return undefined;
  }
  if (secret === undefined) {
    read.deny('auth-secret', 'basic authentication needs the name of a Secret');
    return undefined;
  }
  const data = secretData(secret, namespace, context);
  if (typeof data === 'string') {
    read.deny('auth-secret', data);
    return undefined;
  }
  const users =
    form === 'auth-map'
      ? [...data].map(([user, hash]) => `${user}:${hash.trim()}`)
      : linesOf(data.get('auth'));
  if (users.length === 0) {
    const wanted = form === 'auth-map' ? 'users' : 'key "auth" with lines of htpasswd';
    read.deny('auth-secret', `Secret ${secret} has no ${wanted}`);
    return undefined;
  }
  return { realm, users };
}

function linesOf(text = ''): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function externalAuthOf(read: AnnotationReader): RoutePolicies['externalAuth'] {
  const url = read.text('auth-url');
  const method = read.text('auth-method')?.toUpperCase() ?? 'GET';
  const signIn = read.text('auth-signin');
  const headers = read.list('auth-response-headers') ?? [];
  const parameter = read.text('auth-signin-redirect-param') ?? 'rd';
  for (const name of uncached) {
    if (read.text(name) !== undefined)
      read.report('info', 'annotation-unsupported', name, 'every request is asked about');
  }
  if (read.text('auth-proxy-set-headers') !== undefined) {
    const message = 'the subrequest has the headers of the request and no more';
    read.report('warning', 'annotation-unsupported', 'auth-proxy-set-headers', message);
  }
  if (url === undefined) return undefined;
  if (!/^https?:\/\/[^\s/]+/i.test(url)) {
    read.deny('auth-url', `"${url}" is no URL such as http://auth.default.svc/check`);
    return undefined;
  }
  if (parameter !== 'rd') {
    const message = `the sign-in page is told by the parameter rd, not ${parameter}`;
    read.report('warning', 'annotation-unsupported', 'auth-signin-redirect-param', message);
  }
  if (!/^[A-Z]{1,20}$/.test(method)) {
    read.deny('auth-method', `"${method}" is no method such as GET`);
    return undefined;
  }
  return {
    url,
    method,
    responseHeaders: headers.filter(isHeaderName).map((name) => name.toLowerCase()),
    ...(signIn === undefined ? {} : { signIn }),
    timeoutMs: authTimeoutMs,
  };
}

const uncached: readonly string[] = [
  'auth-cache-key',
  'auth-cache-duration',
  'auth-keepalive',
  'auth-keepalive-requests',
  'auth-keepalive-share-vars',
  'auth-keepalive-timeout',
  'auth-always-set-cookie',
];
