import type { NamedMatch, RouteMatch } from '@portolan/core/traffic/model.ts';
import { CidrSet } from '../policies/cidr-set.ts';
import type { RequestView } from '../request-view.ts';
import { compileText } from './text-test.ts';

export type RequestTest = (request: RequestView) => boolean;

/** What a route wants of a request besides its path, the cheapest first. Empty: nothing. */
export function compileConditions(match: RouteMatch): readonly RequestTest[] {
  const tests: RequestTest[] = [];
  const { methods, scheme, sources } = match;
  if (methods !== undefined) {
    const wanted = new Set(methods);
    tests.push((request) => wanted.has(request.head.method));
  }
  if (scheme !== undefined) tests.push((request) => request.scheme === scheme);
  for (const field of match.headers ?? []) {
    const lower = { ...field, name: field.name.toLowerCase() };
    tests.push(named(lower, (request, name) => request.header(name)));
  }
  for (const field of match.cookies ?? []) tests.push(named(field, (request, name) => request.cookie(name)));
  for (const field of match.query ?? []) tests.push(named(field, (request, name) => request.query(name)));
  if (sources !== undefined) {
    const ranges = new CidrSet(sources);
    tests.push(({ clientIp }) => clientIp !== undefined && ranges.has(clientIp));
  }
  return tests;
}

function named(
  match: NamedMatch,
  read: (request: RequestView, name: string) => string | undefined,
): RequestTest {
  const test = compileText(match);
  const { name } = match;
  return (request) => test(read(request, name), request);
}
