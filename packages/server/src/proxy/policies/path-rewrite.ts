import type { PathMatch, PathRewrite } from '@portolan/core/traffic/model.ts';
import type { LinearPattern } from '../../linear-regex.ts';
import { canonicalText, withoutLastSlash } from '../routes/path-pattern.ts';
import { patternOf } from '../routes/text-test.ts';

/** A path, and a query with its `?` or empty, as they are after a rewrite. Undefined: what came out is no path, and must be refused. */
export type Rewrite = (path: string, query: string) => { path: string; query: string } | undefined;

/** A path that grew is bounded as one that came: 8 KiB. */
const maxPathLength = 8_192;

/** @param match what the route looks for in the path: a prefix rewrite replaces it */
export function compileRewrite(rewrite: PathRewrite, match: PathMatch): Rewrite {
  const change = pathChange(rewrite, match);
  return (path, query) => {
    // `OPTIONS *` is about the server: there is no path in it.
    const made = path === '*' ? undefined : change(path);
    if (made === undefined) return { path, query };
    const changed = canonicalText(made);
    const queryAt = changed.indexOf('?');
    const newPath = queryAt === -1 ? changed : changed.slice(0, queryAt);
    const rooted = newPath.startsWith('/') ? newPath : `/${newPath}`;
    if (!isPlain(rooted) || !isQuery(changed.slice(newPath.length)) || changed.length > maxPathLength)
      return undefined;
    return { path: rooted, query: queryAt === -1 ? query : joined(changed.slice(queryAt), query) };
  };
}

/** As nginx does: the arguments of the rewrite, then those of the request. */
function joined(first: string, second: string): string {
  return second.length <= 1 ? first : `${first}&${second.slice(1)}`;
}

/** Undefined: it does not apply, and the path stays. */
function pathChange(rewrite: PathRewrite, match: PathMatch): (path: string) => string | undefined {
  switch (rewrite.type) {
    case 'full':
      return () => rewrite.value;
    case 'prefix':
      return prefixChange(rewrite.value, match);
    case 'regex': {
      const pattern = patternOf(rewrite.pattern, rewrite.ignoreCase === true);
      return pattern === undefined ? () => undefined : regexChange(pattern, rewrite.value);
    }
  }
}

/**
 * Segments (Gateway API): `/foo` by `/bar` makes `/foo/x` `/bar/x`, whatever slashes end the two. Text (Istio): the letters are exchanged.
 * An exact path is replaced whole.
 */
function prefixChange(value: string, match: PathMatch): (path: string) => string | undefined {
  if (match.type === 'regex') return () => undefined;
  if (match.type === 'exact') return () => value;
  const matched = canonicalText(match.value);
  if (match.type === 'prefix') return (path) => value + path.slice(matched.length);
  const { length } = withoutLastSlash(matched);
  const bare = withoutLastSlash(value);
  return (path) => (path.length === length ? value || '/' : bare + path.slice(length));
}

const reference = /\$(\d)|\$\{(\d)\}|\\(\d)/g;

function regexChange(pattern: LinearPattern, value: string): (path: string) => string | undefined {
  return (path) =>
    pattern.replaceFirst(path, (groups) =>
      value.replace(
        reference,
        (_all, dollar, braced, slash) => groups[Number(dollar ?? braced ?? slash)] ?? '',
      ),
    );
}

function isQuery(text: string): boolean {
  return /^[!$-;=?-~]*$/.test(text);
}

/**
 * What is sent on must be as canonical as what came, or it would mean something else there: `/static` by `/files/` makes a path
 * `/static../secret` climb.
 */
function isPlain(path: string): boolean {
  return (
    /^[!$-;=?-[\]-~]*$/.test(path) && !/\/\.{1,2}(?:[/;]|$)|%(?:00|2f|5c|2e)|%(?![0-9a-f]{2})/i.test(path)
  );
}
