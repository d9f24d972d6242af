import { compareVersions, parseVersion, type Version } from './semver.ts';

/** One comparison: `>=1.2`. What is left out or a wildcard (`x`, `*`) in the version is remembered: it changes what matches. */
interface Comparison {
  readonly operator: string;
  readonly version: Version;
  readonly openMinor: boolean;
  readonly openPatch: boolean;
  readonly open: boolean;
}

const operators = '=>|=<|>=|<=|!=|~>|=|>|<|~|\\^|';
const number = '(\\d+|[xX*])';
const tail = '((?:-[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?(?:\\+[0-9A-Za-z-.]+)?)';
const body = `v?${number}(?:\\.${number})?(?:\\.${number})?${tail}`;
const single = new RegExp(`(${operators})\\s*${body}`, 'y');
const range = new RegExp(`\\s*(${body})\\s+-\\s+(${body})\\s*`, 'g');
/** More alternatives than this are refused. */
const maxLength = 1000;

/** `>=1.2, <2 || ~3.1`: comma or space is and, `||` is or. Throws for what is no constraint. */
export function allows(constraint: string, version: Version): boolean {
  if (constraint.length > maxLength) throw new Error('improper constraint: too long');
  const alternatives = constraint.split('||').map((part) => comparisons(part.replace(range, expanded)));
  return alternatives.some((all) => all.every((one) => holds(one, version)));
}

function expanded(_: string, from: string, ...rest: readonly string[]): string {
  return `>=${from},<=${rest[4]} `;
}

function comparisons(source: string): readonly Comparison[] {
  const found: Comparison[] = [];
  const text = source.trim();
  for (let at = 0; at < text.length; ) {
    single.lastIndex = at;
    const match = single.exec(text);
    if (match === null) throw new Error(`improper constraint: ${source.trim()}`);
    found.push(comparison(match));
    at = single.lastIndex;
    at += /^[\s,]*/.exec(text.slice(at))?.[0].length ?? 0;
  }
  if (found.length === 0) throw new Error(`improper constraint: ${source.trim()}`);
  return found;
}

function comparison(match: RegExpExecArray): Comparison {
  const [, operator = '', major = '', minor, patch, end = ''] = match;
  const isOpen = (part: string | undefined): boolean => part === undefined || /^[xX*]$/.test(part);
  if (isOpen(major)) return made(operator, `0.0.0${end}`, false, false, true);
  if (isOpen(minor)) return made(operator, `${major}.0.0${end}`, true, false, true);
  if (isOpen(patch)) return made(operator, `${major}.${minor}.0${end}`, false, true, true);
  return made(operator, `${major}.${minor}.${patch}${end}`, false, false, false);
}

function made(
  operator: string,
  source: string,
  openMinor: boolean,
  openPatch: boolean,
  open: boolean,
): Comparison {
  return { operator, version: parseVersion(source), openMinor, openPatch, open };
}

function holds(comparison: Comparison, version: Version): boolean {
  const { operator, version: wanted, open } = comparison;
  // A prerelease is only meant where the constraint names one.
  const hidden = version.prerelease !== '' && wanted.prerelease === '';
  if (hidden && (operator !== '' && operator !== '=' ? true : open)) return false;
  const order = compareVersions(version, wanted);
  switch (operator) {
    case '':
    case '=':
      return open ? tilde(comparison, version, order) : order === 0;
    case '!=':
      return differs(comparison, version, order);
    case '>':
      return above(comparison, version, order);
    case '<':
      return order < 0;
    case '>=':
    case '=>':
      return order >= 0;
    case '<=':
    case '=<':
      return atMost(comparison, version, order);
    case '^':
      return caret(comparison, version, order);
    default:
      return tilde(comparison, version, order);
  }
}

function differs(
  { version: wanted, openMinor, openPatch, open }: Comparison,
  version: Version,
  order: number,
) {
  if (!open) return order !== 0;
  if (version.major !== wanted.major) return true;
  if (openMinor) return false;
  if (version.minor !== wanted.minor) return true;
  return !openPatch && version.patch !== wanted.patch;
}

function above({ version: wanted, openMinor, openPatch, open }: Comparison, version: Version, order: number) {
  if (!open) return order > 0;
  if (version.major !== wanted.major) return version.major > wanted.major;
  if (openMinor) return false;
  return openPatch ? version.minor > wanted.minor : order > 0;
}

function atMost({ version: wanted, openMinor, open }: Comparison, version: Version, order: number) {
  if (!open) return order <= 0;
  if (version.major !== wanted.major) return version.major < wanted.major;
  return openMinor || version.minor <= wanted.minor;
}

function tilde({ version: wanted, openMinor, openPatch }: Comparison, version: Version, order: number) {
  if (order < 0) return false;
  const isAll = wanted.major === 0 && wanted.minor === 0 && wanted.patch === 0;
  if (isAll && !openMinor && !openPatch) return true;
  return version.major === wanted.major && (openMinor || version.minor === wanted.minor);
}

function caret({ version: wanted, openMinor, openPatch }: Comparison, version: Version, order: number) {
  if (order < 0) return false;
  if (wanted.major > 0 || openMinor) return version.major === wanted.major;
  if (version.major > 0) return false;
  if (wanted.minor > 0 || openPatch) return version.minor === wanted.minor;
  return version.minor === 0 && version.patch === wanted.patch;
}
