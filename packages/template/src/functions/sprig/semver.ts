import { Callable, compareText, Struct, type Value } from '../../language/values.ts';
import { type Definition, ofTexts } from './define.ts';
import { allows } from './semver-constraint.ts';

export const semverFunctions: readonly Definition[] = [
  ['semver', ofTexts(1, (source) => new VersionValue(parseVersion(source)))],
  ['semverCompare', ofTexts(2, (constraint, source) => allows(constraint, parseVersion(source)))],
];

export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  readonly prerelease: string;
  readonly metadata: string;
  readonly original: string;
}

const form =
  /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/;

/** `1.2.3-beta.1+build`; a leading `v` and missing numbers are allowed. */
export function parseVersion(source: string): Version {
  const match = form.exec(source);
  if (match === null) throw new Error('Invalid Semantic Version');
  const [, major, minor = '0', patch = '0', prerelease = '', metadata = ''] = match;
  return {
    major: Number(major),
    minor: Number(minor),
    patch: Number(patch),
    prerelease,
    metadata,
    original: source,
  };
}

/** Semantic Versioning 2.0, section 11. */
export function compareVersions(left: Version, right: Version): number {
  return (
    Math.sign(left.major - right.major) ||
    Math.sign(left.minor - right.minor) ||
    Math.sign(left.patch - right.patch) ||
    comparePrereleases(left.prerelease, right.prerelease)
  );
}

function comparePrereleases(left: string, right: string): number {
  if (left === right) return 0;
  if (left === '' || right === '') return left === '' ? 1 : -1;
  const [ours, theirs] = [left.split('.'), right.split('.')];
  for (let at = 0; at < Math.min(ours.length, theirs.length); at++) {
    const order = compareIdentifiers(ours[at] ?? '', theirs[at] ?? '');
    if (order !== 0) return order;
  }
  return Math.sign(ours.length - theirs.length);
}

function compareIdentifiers(left: string, right: string): number {
  const [leftNumeric, rightNumeric] = [/^\d+$/.test(left), /^\d+$/.test(right)];
  if (leftNumeric && rightNumeric) return Math.sign(Number(left) - Number(right));
  if (leftNumeric !== rightNumeric) return leftNumeric ? -1 : 1;
  return Math.sign(compareText(left, right));
}

class VersionValue extends Struct {
  readonly version: Version;
  constructor(version: Version) {
    const { major, minor, patch, prerelease, metadata, original } = version;
    const canonical =
      `${major}.${minor}.${patch}` +
      (prerelease === '' ? '' : `-${prerelease}`) +
      (metadata === '' ? '' : `+${metadata}`);
    const compare = (...args: readonly Value[]): number => compareVersions(version, versionOf(args[0]));
    const methods: readonly (readonly [string, (...args: readonly Value[]) => Value])[] = [
      ['Major', () => major],
      ['Minor', () => minor],
      ['Patch', () => patch],
      ['Prerelease', () => prerelease],
      ['Metadata', () => metadata],
      ['Original', () => original],
      ['String', () => canonical],
      ['Compare', compare],
      ['Equal', (...args) => compare(...args) === 0],
      ['LessThan', (...args) => compare(...args) < 0],
      ['GreaterThan', (...args) => compare(...args) > 0],
    ];
    const callables = methods.map(([name, call]) => [name, new Callable(name, call)] as const);
    super('*semver.Version', new Map(), new Map(callables), () => canonical);
    this.version = version;
  }
}

function versionOf(value: Value | undefined): Version {
  if (value instanceof VersionValue) return value.version;
  throw new Error('expected *semver.Version');
}
