import type {
  NamedMatch,
  PathMatch,
  PathRewrite,
  Route,
  RouteAction,
  RouteMatch,
  RoutePolicies,
  TextMatch,
  WeightedTarget,
} from './route.ts';

/* Routes in words, for tables and explanations. Nothing secret is in them. */

/** `/api/*`, `= /login`, `~ /v[0-9]+`: segments, exact, regular expression; `/api…` is a beginning of the text. */
export function pathText({ type, value, ignoreCase }: PathMatch): string {
  const bare = value.endsWith('/') ? value.slice(0, -1) : value;
  const text = {
    exact: `= ${value}`,
    prefix: value === '/' ? '/*' : `${value}…`,
    segments: `${bare}/*`,
    regex: `~ ${value}`,
  }[type];
  return ignoreCase === true ? `${text} (any case)` : text;
}

/** Every condition besides the path, in words. */
export function conditionTexts(match: RouteMatch): readonly string[] {
  const texts: string[] = [];
  if (match.methods !== undefined) texts.push(`method ${match.methods.join('|')}`);
  if (match.scheme !== undefined) texts.push(`scheme ${match.scheme}`);
  for (const one of match.headers ?? []) texts.push(`header ${namedText(one)}`);
  for (const one of match.cookies ?? []) texts.push(`cookie ${namedText(one)}`);
  for (const one of match.query ?? []) texts.push(`query ${namedText(one)}`);
  if (match.sources !== undefined) texts.push(`from ${match.sources.join('|')}`);
  return texts;
}

/** `end-user = jason`, `x-debug is there`, `not version ~ v[12]`. */
export function namedText(match: NamedMatch): string {
  return `${match.invert === true ? 'not ' : ''}${match.name} ${valueText(match)}`;
}

function valueText({ type, value, ignoreCase }: TextMatch): string {
  const fold = ignoreCase === true ? ' (any case)' : '';
  const texts = {
    present: 'is there',
    exact: `= ${value}`,
    prefix: `begins with ${value}`,
    suffix: `ends with ${value}`,
    contains: `contains ${value}`,
    regex: `~ ${value}`,
  };
  return `${texts[type]}${type === 'present' ? '' : fold}`;
}

/** Where it goes: `90% reviews-v1, 10% reviews-v2`; `308 https://…`; `200 text/plain`. */
export function actionText(action: RouteAction): string {
  switch (action.type) {
    case 'forward':
      return shares(action.targets)
        .filter(({ percent }) => percent > 0 || action.targets.length === 1)
        .map(({ target, percent }) => {
          const where = target.cluster ?? `status ${target.status ?? 500}`;
          return action.targets.length === 1 ? where : `${percentText(percent)} ${where}`;
        })
        .join(', ');
    case 'redirect':
      return `${action.status} ${redirectText(action)}`;
    case 'direct':
      return `${action.status} ${action.contentType}`;
  }
}

function redirectText(action: RouteAction & { readonly type: 'redirect' }): string {
  if (action.location !== undefined) return action.location;
  const scheme = action.scheme === undefined ? '' : `${action.scheme}://`;
  const host = action.host ?? (scheme === '' && action.port === undefined ? '' : '<host>');
  const port = action.port === undefined ? '' : `:${action.port}`;
  const path = action.path === undefined ? '<path>' : rewriteText(action.path);
  return `${scheme}${host}${port}${path}`;
}

export function rewriteText(rewrite: PathRewrite): string {
  switch (rewrite.type) {
    case 'full':
      return rewrite.value;
    case 'prefix':
      return `${rewrite.value}<rest>`;
    case 'regex':
      return `s|${rewrite.pattern}|${rewrite.value}|`;
  }
}

/** What each target gets of all requests, in percent. */
export function shares(
  targets: readonly WeightedTarget[],
): readonly { readonly target: WeightedTarget; readonly percent: number }[] {
  const sum = targets.reduce((total, { weight }) => total + weight, 0);
  return targets.map((target) => ({ target, percent: sum === 0 ? 0 : (target.weight * 100) / sum }));
}

function percentText(percent: number): string {
  return `${Number(percent.toFixed(2))}%`;
}

/** What is done besides sending it on, in its order. */
export function policyTexts(route: Route): readonly string[] {
  const { policies = {}, timeoutMs, retry } = route;
  const texts = [...guardTexts(policies), ...changeTexts(policies)];
  if (timeoutMs > 0) texts.push(`timeout ${timeoutMs}ms`);
  if (retry.retries > 0) texts.push(`retries ${retry.retries} on ${retry.on.join(',')}`);
  return texts;
}

function guardTexts(policies: RoutePolicies): string[] {
  const { access, rateLimits = [], connectionLimit, cors, basicAuth, externalAuth, maxBodyBytes } = policies;
  const texts: string[] = [];
  if (access?.allow !== undefined) texts.push(`only from ${access.allow.join(' ')}`);
  if (access?.deny !== undefined) texts.push(`not from ${access.deny.join(' ')}`);
  for (const { requests, perMs, burst, by } of rateLimits) {
    const whose = by.type === 'header' ? `header ${by.name}` : by.type;
    texts.push(`at most ${requests} requests per ${perMs}ms (burst ${burst}) by ${whose}`);
  }
  if (connectionLimit !== undefined) {
    texts.push(`at most ${connectionLimit.max} connections by ${connectionLimit.by}`);
  }
  if (cors !== undefined) texts.push('CORS');
  if (basicAuth !== undefined)
    texts.push(`basic auth "${basicAuth.realm}" (${basicAuth.users.length} users)`);
  if (externalAuth !== undefined) texts.push(`asks ${externalAuth.url}`);
  if (maxBodyBytes !== undefined) texts.push(`body at most ${maxBodyBytes} bytes`);
  return texts;
}

function changeTexts(policies: RoutePolicies): string[] {
  const { fault, rewrite, requestHeaders, responseHeaders, mirrors = [], fallback } = policies;
  const texts: string[] = [];
  if (fault?.delay !== undefined) texts.push(`delays ${fault.delay.percent}% by ${fault.delay.ms}ms`);
  if (fault?.abort !== undefined) texts.push(`aborts ${fault.abort.percent}% with ${fault.abort.status}`);
  if (rewrite?.path !== undefined) texts.push(`path becomes ${rewriteText(rewrite.path)}`);
  if (rewrite?.host !== undefined) texts.push(`host becomes ${rewrite.host}`);
  if (requestHeaders !== undefined) texts.push('changes request headers');
  if (responseHeaders !== undefined) texts.push('changes response headers');
  for (const { cluster, percent } of mirrors) texts.push(`mirrors ${percent}% to ${cluster}`);
  if (fallback !== undefined) texts.push(`fallback for ${fallback.statuses.join(',') || 'no upstream'}`);
  return texts;
}
