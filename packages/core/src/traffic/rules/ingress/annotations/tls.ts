import type { AnnotationGroup } from './draft.ts';
import { secretData } from './secrets.ts';

/** `ssl-passthrough`, `auth-tls-secret`, `auth-tls-verify-client`, `auth-tls-verify-depth`, `auth-tls-pass-certificate-to-upstream`. */
export const tlsAnnotations: AnnotationGroup = (read, draft, { rule, context }) => {
  draft.passthrough = read.flag('ssl-passthrough') ?? false;
  const secret = read.text('auth-tls-secret');
  const verify = read.choice('auth-tls-verify-client', ['on', 'off', 'optional', 'optional_no_ca']) ?? 'on';
  const maxDepth = read.whole('auth-tls-verify-depth', 1) ?? 1;
  const forward = read.flag('auth-tls-pass-certificate-to-upstream') ?? false;
  for (const name of ['auth-tls-error-page', 'auth-tls-match-cn']) {
    if (read.text(name) === undefined) continue;
    if (name === 'auth-tls-match-cn') read.deny(name, 'the name in a certificate is not looked at');
    else read.report('warning', 'annotation-unsupported', name, 'the answer is 400');
  }
  if (secret === undefined || verify === 'off') return;
  const data = secretData(secret, rule.namespace, context);
  const ca = typeof data === 'string' ? undefined : data.get('ca.crt');
  if (ca === undefined) {
    read.deny('auth-tls-secret', typeof data === 'string' ? data : `Secret ${secret} has no ca.crt`);
    return;
  }
  if (verify === 'optional_no_ca') {
    const message = 'certificates of other authorities are not passed on: optional is done';
    read.report('warning', 'annotation-unsupported', 'auth-tls-verify-client', message);
  }
  // ingress-nginx lets the handshake through and answers 400.
  draft.clientAuth = { ca, mode: verify === 'on' ? 'status' : 'optional', maxDepth, forward };
};
