const hiddenSeparator = /%(?:00|2f|5c)/i;
const badEscape = /%(?![0-9a-f]{2})/i;
/** A dot segment with a parameter: some servers cut the parameter before they resolve the dots. */
const dotsWithParameter = /\/\.{1,2};/;

/**
 * The one form of a path that is matched, authorised and forwarded (RFC 3986 §6.2.2): escapes of unreserved characters decoded,
 * other escapes in capitals, dot segments resolved. Undefined: the path hides a separator, climbs above its root or holds a
 * malformed escape, and must be refused. Empty segments (`//`) are kept: they mean something to some servers.
 *
 * @param path begins with `/`, holds no query
 */
export function canonicalPath(path: string): string | undefined {
  if (path.includes('\\') || badEscape.test(path) || hiddenSeparator.test(path)) return undefined;
  const decoded = path.includes('%') ? path.replace(/%[0-9a-f]{2}/gi, canonicalEscape) : path;
  if (dotsWithParameter.test(decoded)) return undefined;
  return decoded.includes('/.') ? resolveDots(decoded) : decoded;
}

function canonicalEscape(triplet: string): string {
  const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
  return /[A-Za-z0-9._~-]/.test(character) ? character : triplet.toUpperCase();
}

function resolveDots(path: string): string | undefined {
  const kept: string[] = [];
  const segments = path.slice(1).split('/');
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1;
    if (segment === '..' && kept.pop() === undefined) return undefined;
    if (segment !== '.' && segment !== '..') kept.push(segment);
    else if (last) kept.push('');
  }
  return `/${kept.join('/')}`;
}
