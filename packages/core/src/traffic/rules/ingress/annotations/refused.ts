import type { AnnotationGroup } from './draft.ts';

/** What is code of nginx, what is not done, and what needs not be done. */
export const refusedAnnotations: AnnotationGroup = (read) => {
  for (const [name, instead] of Object.entries(snippets)) {
    if (read.text(name) === undefined) continue;
    read.report('error', 'snippet-refused', name, `code of nginx is not run; ${instead}`);
  }
  for (const [name, message] of Object.entries(unsupported)) {
    if (read.text(name) !== undefined) read.report('warning', 'annotation-unsupported', name, message);
  }
  for (const name of needless) {
    if (read.text(name) === undefined) continue;
    const message = 'it is not needed here, and nothing is done about it';
    read.report('info', 'annotation-without-effect', name, message);
  }
};

const instead =
  'use custom-headers for headers of the response, x-forwarded-prefix or upstream-vhost for those of the request, permanent-redirect or rewrite-target for paths, or write an HTTPRoute with filters';

const snippets: Readonly<Record<string, string>> = {
  'configuration-snippet': instead,
  'server-snippet': instead,
  'stream-snippet': 'use a TCPRoute or TLSRoute',
  'auth-snippet': 'use auth-response-headers',
  'modsecurity-snippet': 'put a web application firewall before the gateway',
};

const unsupported: Readonly<Record<string, string>> = {
  'enable-modsecurity': 'there is no web application firewall: put one before the gateway',
  'enable-owasp-core-rules': 'there is no web application firewall: put one before the gateway',
  'modsecurity-transaction-id': 'there is no web application firewall: put one before the gateway',
  'limit-rate': 'bandwidth is not limited',
  'limit-rate-after': 'bandwidth is not limited',
  'proxy-cookie-domain': 'cookies are passed on as they are',
  'proxy-cookie-path': 'cookies are passed on as they are',
  'proxy-redirect-from': 'Location is passed on as it is',
  'proxy-redirect-to': 'Location is passed on as it is',
  'ssl-ciphers': 'the usual ones of TLS 1.2 and 1.3 are used',
  'ssl-prefer-server-ciphers': 'the usual ones of TLS 1.2 and 1.3 are used',
  'enable-global-auth': 'there is no authentication for all: use auth-url',
  'enable-opentelemetry': 'tracing is a setting of the gateway',
  'opentelemetry-trust-incoming-span': 'tracing is a setting of the gateway',
  'opentelemetry-operation-name': 'tracing is a setting of the gateway',
};

const needless: readonly string[] = [
  'proxy-buffering',
  'proxy-buffers-number',
  'proxy-buffer-size',
  'proxy-busy-buffers-size',
  'proxy-max-temp-file-size',
  'client-body-buffer-size',
  'proxy-http-version',
  'connection-proxy-header',
  'service-upstream',
  'enable-access-log',
  'enable-rewrite-log',
  'http2-push-preload',
  'preserve-trailing-slash',
  'disable-proxy-intercept-errors',
];
