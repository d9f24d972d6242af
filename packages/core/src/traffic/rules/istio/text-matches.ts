import type { IstioHttpMatch, IstioStringMatch } from '../../../rules/istio.ts';
import type { NamedMatch, PathMatch, RouteMatch, TextMatch } from '../../route.ts';

/** An empty match means: present. */
export function textMatch({ exact, prefix, regex }: IstioStringMatch): TextMatch {
  if (exact !== undefined) return { type: 'exact', value: exact };
  if (prefix !== undefined) return { type: 'prefix', value: prefix };
  if (regex !== undefined) return { type: 'regex', value: regex };
  return { type: 'present', value: '' };
}

/** What of a match the model has words for; ports, gateways and sources are the placement's business. */
export function routeMatch(match: IstioHttpMatch | undefined): RouteMatch {
  const { uri, scheme, method, authority, headers, withoutHeaders, queryParams, ignoreUriCase } = match ?? {};
  const asHeaders: NamedMatch[] = [];
  const pseudo = { ':scheme': scheme, ':method': method, ':authority': authority };
  let schemeIs: RouteMatch['scheme'];
  let methods: readonly string[] | undefined;
  for (const [name, value] of Object.entries(pseudo)) {
    if (value === undefined) continue;
    if (name === ':method' && value.exact !== undefined) methods = [value.exact];
    else if (name === ':scheme' && (value.exact === 'http' || value.exact === 'https'))
      schemeIs = value.exact;
    else asHeaders.push({ name, ...textMatch(value) });
  }
  for (const [name, value] of Object.entries(headers ?? {})) {
    asHeaders.push({ name: name.toLowerCase(), ...textMatch(value) });
  }
  for (const [name, value] of Object.entries(withoutHeaders ?? {})) {
    asHeaders.push({ name: name.toLowerCase(), ...textMatch(value), invert: true });
  }
  const query = Object.entries(queryParams ?? {}).map(([name, value]) => ({ name, ...textMatch(value) }));
  return {
    path: pathMatch(uri, ignoreUriCase === true),
    ...(methods === undefined ? {} : { methods }),
    ...(schemeIs === undefined ? {} : { scheme: schemeIs }),
    ...(asHeaders.length === 0 ? {} : { headers: asHeaders }),
    ...(query.length === 0 ? {} : { query }),
  };
}

function pathMatch(uri: IstioStringMatch | undefined, ignoreCase: boolean): PathMatch {
  const { exact, prefix, regex } = uri ?? {};
  const more = ignoreCase ? { ignoreCase } : {};
  if (exact !== undefined) return { type: 'exact', value: exact, ...more };
  if (regex !== undefined) return { type: 'regex', value: regex, ...more };
  return { type: 'prefix', value: prefix ?? '/', ...more };
}

/**
 * A match of a rule and one of the rule that it delegates to, both at once. Undefined: nothing can be both. Of the paths the
 * inner one holds, which must lie within the outer one.
 */
export function bothMatches(outer: IstioHttpMatch, inner: IstioHttpMatch): IstioHttpMatch | undefined {
  const uri = bothPaths(outer.uri, inner.uri);
  if (uri === 'apart') return undefined;
  return {
    ...outer,
    ...inner,
    ...(uri === undefined ? {} : { uri }),
    headers: { ...outer.headers, ...inner.headers },
    withoutHeaders: { ...outer.withoutHeaders, ...inner.withoutHeaders },
    queryParams: { ...outer.queryParams, ...inner.queryParams },
  };
}

function bothPaths(
  outer: IstioStringMatch | undefined,
  inner: IstioStringMatch | undefined,
): IstioStringMatch | undefined | 'apart' {
  if (outer === undefined || inner === undefined) return inner ?? outer;
  if (outer.prefix !== undefined) {
    const within = (inner.exact ?? inner.prefix ?? outer.prefix).startsWith(outer.prefix);
    return within && inner.regex === undefined ? inner : 'apart';
  }
  return outer.exact !== undefined && outer.exact === inner.exact ? inner : 'apart';
}
