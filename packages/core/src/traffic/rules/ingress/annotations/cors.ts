import type { CorsPolicy, TextMatch } from '../../../route.ts';
import type { AnnotationGroup } from './draft.ts';
import { isHeaderName } from './header-value.ts';

const defaultMethods = ['GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS'];
const defaultHeaders = [
  ...['DNT', 'Keep-Alive', 'User-Agent', 'X-Requested-With', 'If-Modified-Since', 'Cache-Control'],
  ...['Content-Type', 'Range', 'Authorization'],
];
const defaultMaxAgeS = 1_728_000;

/** `enable-cors`, `cors-allow-origin`, `-methods`, `-headers`, `-credentials`, `cors-expose-headers`, `cors-max-age`. */
export const corsAnnotations: AnnotationGroup = (read, draft) => {
  const enabled = read.flag('enable-cors') ?? false;
  const origins = read.list('cors-allow-origin') ?? ['*'];
  const methods = read.list('cors-allow-methods') ?? defaultMethods;
  const headers = read.list('cors-allow-headers') ?? defaultHeaders;
  const credentials = read.flag('cors-allow-credentials') ?? true;
  const exposeHeaders = read.list('cors-expose-headers') ?? [];
  const maxAgeS = read.whole('cors-max-age') ?? defaultMaxAgeS;
  if (!enabled) return;
  const policy: CorsPolicy = {
    origins: origins.map((origin): TextMatch => ({ type: 'exact', value: origin })),
    methods: methods.filter(isHeaderName),
    headers: headers.filter((name) => name === '*' || isHeaderName(name)),
    ...(exposeHeaders.length === 0 ? {} : { exposeHeaders: exposeHeaders.filter(isHeaderName) }),
    credentials,
    maxAgeS,
  };
  draft.policies.cors = policy;
};
