import type { BalancePolicy, HashKey, UpstreamTls } from '../../../cluster.ts';
import type { AnnotationDraft, AnnotationGroup } from './draft.ts';
import type { AnnotationReader } from './reader.ts';
import { secretData } from './secrets.ts';

/** `backend-protocol`, `proxy-ssl-*`, `load-balance`, `upstream-hash-by`. */
export const upstreamAnnotations: AnnotationGroup = (read, draft, { rule, context }) => {
  const protocol = read.choice('backend-protocol', protocols);
  const tls = upstreamTls(read, rule.namespace, context);
  if (protocol !== undefined) draft.transport = { ...draft.transport, ...settingsOf(protocol, tls, read) };
  else if (tls !== undefined && read.text('proxy-ssl-secret') !== undefined) {
    const message = 'has an effect only with backend-protocol HTTPS or GRPCS';
    read.report('warning', 'annotation-without-effect', 'proxy-ssl-secret', message);
  }
  balance(read, draft);
};

const protocols = ['HTTP', 'HTTPS', 'AUTO_HTTP', 'GRPC', 'GRPCS', 'FCGI'] as const;

function settingsOf(
  protocol: (typeof protocols)[number],
  tls: UpstreamTls = { verify: false },
  read: AnnotationReader,
): AnnotationDraft['transport'] {
  switch (protocol) {
    case 'HTTP':
      return { protocol: 'http1', tls: undefined };
    case 'HTTPS':
      return { protocol: 'http1', tls };
    case 'GRPC':
      return { protocol: 'http2', tls: undefined };
    case 'GRPCS':
      return { protocol: 'http2', tls };
    case 'AUTO_HTTP':
      unsupported(read, protocol, 'HTTP is spoken: say HTTP or HTTPS');
      return { protocol: 'http1', tls: undefined };
    case 'FCGI':
      unsupported(read, protocol, 'FastCGI is not spoken: put an HTTP server before it');
      return {};
  }
}

function unsupported(read: AnnotationReader, protocol: string, message: string): void {
  read.report('error', 'annotation-unsupported', 'backend-protocol', `${protocol}: ${message}`);
}

function upstreamTls(
  read: AnnotationReader,
  namespace: string,
  context: Parameters<AnnotationGroup>[2]['context'],
): UpstreamTls | undefined {
  const secret = read.text('proxy-ssl-secret');
  const verify = read.choice('proxy-ssl-verify', ['on', 'off']) === 'on';
  const serverName = read.text('proxy-ssl-name');
  // The name is always sent: an upstream that does not look at it is not disturbed.
  read.choice('proxy-ssl-server-name', ['on', 'off']);
  for (const name of ['proxy-ssl-verify-depth', 'proxy-ssl-ciphers', 'proxy-ssl-protocols']) {
    if (read.text(name) !== undefined)
      read.report('info', 'annotation-unsupported', name, 'the usual ones of TLS 1.2 and 1.3 are used');
  }
  if (secret === undefined && !verify && serverName === undefined) return undefined;
  const tls = { verify, ...(serverName === undefined ? {} : { serverName }) };
  if (secret === undefined) return tls;
  const data = secretData(secret, namespace, context);
  if (typeof data === 'string') {
    read.deny('proxy-ssl-secret', data);
    return tls;
  }
  const ca = data.get('ca.crt');
  const pair = data.has('tls.crt')
    ? context.certificate(namespace, secret.split('/').at(-1) ?? '')
    : undefined;
  return {
    ...tls,
    ...(ca === undefined ? {} : { ca }),
    ...(pair !== undefined && 'name' in pair ? { certificate: pair.name } : {}),
  };
}

/** `upstream-hash-by` before `load-balance`, as ingress-nginx has it. */
function balance(read: AnnotationReader, draft: AnnotationDraft): void {
  const wanted = read.choice('load-balance', ['round_robin', 'ewma', 'least_conn', 'ip_hash']);
  const hashBy = read.text('upstream-hash-by');
  for (const name of ['upstream-hash-by-subset', 'upstream-hash-by-subset-size']) {
    if (read.text(name) !== undefined)
      read.report('info', 'annotation-unsupported', name, 'every endpoint is on the ring');
  }
  if (hashBy === undefined) {
    if (wanted !== undefined) draft.balance = { balance: policies[wanted] };
    return;
  }
  const key = hashKeyOf(hashBy);
  if (key !== undefined) {
    draft.balance = { balance: { policy: 'ring-hash', key } };
    return;
  }
  const message = `"${hashBy}" is no variable that can be hashed by: $request_uri, $remote_addr, $http_NAME, $cookie_NAME or $arg_NAME`;
  read.report('error', 'annotation-invalid', 'upstream-hash-by', message);
}

const policies: Readonly<Record<'round_robin' | 'ewma' | 'least_conn' | 'ip_hash', BalancePolicy>> = {
  round_robin: { policy: 'round-robin' },
  ewma: { policy: 'peak-ewma' },
  least_conn: { policy: 'least-request' },
  ip_hash: { policy: 'ring-hash', key: { type: 'source-address' } },
};

function hashKeyOf(text: string): HashKey | undefined {
  const [, variable = ''] = /^\$\{?([a-z_][a-z0-9_]*)\}?$/i.exec(text) ?? [];
  if (variable === 'request_uri' || variable === 'uri') return { type: 'uri' };
  if (/^(?:remote_addr|binary_remote_addr|the_real_ip)$/.test(variable)) return { type: 'source-address' };
  if (variable === 'host' || variable === 'http_host') return { type: 'header', name: 'host' };
  const [, kind, name = ''] = /^(http|cookie|arg)_(.+)$/.exec(variable) ?? [];
  if (kind === 'http') return { type: 'header', name: name.toLowerCase().replaceAll('_', '-') };
  if (kind === 'cookie') return { type: 'cookie', name };
  return kind === 'arg' ? { type: 'query', name } : undefined;
}
