import type { AnnotationGroup } from './draft.ts';

/** ingress-nginx's default. */
const cookieName = 'INGRESSCOOKIE';

/** `affinity`, `session-cookie-*`. */
export const affinityAnnotations: AnnotationGroup = (read, draft) => {
  const affinity = read.choice('affinity', ['cookie']);
  const name = read.text('session-cookie-name') ?? cookieName;
  const path = read.text('session-cookie-path');
  const domain = read.text('session-cookie-domain');
  const maxAgeS = read.whole('session-cookie-max-age') ?? read.whole('session-cookie-expires');
  const secure = read.flag('session-cookie-secure');
  const sameSite = read.choice('session-cookie-samesite', ['Lax', 'Strict', 'None']);
  // A client stays while its endpoint is there, whatever the mode; new endpoints get new clients.
  read.choice('affinity-mode', ['balanced', 'persistent']);
  for (const other of ['session-cookie-change-on-failure', 'session-cookie-conditional-samesite-none']) {
    if (read.flag(other) === true)
      read.report('info', 'annotation-unsupported', other, 'the cookie is the same for all clients');
  }
  if (affinity === undefined) return;
  const bad = [name, path ?? '', domain ?? ''].find(
    (text) => !/^[\x21\x23-\x3a\x3c-\x5b\x5d-\x7e]*$/.test(text),
  );
  if (bad !== undefined) {
    const message = `"${bad}" cannot be part of a cookie: there is no affinity`;
    read.report('error', 'annotation-invalid', 'affinity', message);
    return;
  }
  draft.stickyAtPath = path === undefined;
  draft.sticky = {
    name,
    ...(path === undefined ? {} : { path }),
    ...(domain === undefined ? {} : { domain }),
    ...(maxAgeS === undefined ? {} : { maxAgeS }),
    ...(secure === undefined ? {} : { secure }),
    httpOnly: true,
    ...(sameSite === undefined ? {} : { sameSite }),
  };
};
