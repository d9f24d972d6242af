import type { AnnotationGroup } from './draft.ts';
import { headerValue } from './header-value.ts';

/** `use-regex`, `rewrite-target`, `x-forwarded-prefix`, `upstream-vhost`. */
export const pathAnnotations: AnnotationGroup = (read, draft) => {
  draft.useRegex = read.flag('use-regex') ?? false;
  const target = read.text('rewrite-target');
  if (target !== undefined) draft.rewriteTarget = target;
  const forwarded = read.text('x-forwarded-prefix');
  if (forwarded !== undefined && target !== undefined) {
    const value = headerValue(read, 'x-forwarded-prefix', forwarded);
    if (value !== undefined) draft.policies.requestHeaders = { set: [{ name: 'x-forwarded-prefix', value }] };
  }
  const host = read.text('upstream-vhost');
  if (host === undefined) return;
  if (host.includes('$')) {
    const message = `"${host}" has a variable of nginx, and only a name is taken: it is left out`;
    read.report('error', 'annotation-invalid', 'upstream-vhost', message);
  } else if (headerValue(read, 'upstream-vhost', host) !== undefined) {
    draft.policies.rewrite = { host };
  }
};
