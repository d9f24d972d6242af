// The arrows of the house (ARCHITECTURE.md): which room may import from which. Pure, so that the rules are tested.

/** Reads a package.json by its folder, '' being the repository's root. */
export interface Packages {
  manifest(folder: string): Manifest;
}

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const importForms = [
  /^\s*(?:import|export)\b[^'"`;()]*?\bfrom\s*['"]([^'"]+)['"]/gm,
  /^\s*import\s*['"]([^'"]+)['"]/gm,
  /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g,
];

/** Every specifier that a module's text imports. */
export function importsOf(source: string): string[] {
  return importForms.flatMap((form) => [...source.matchAll(form)].map((match) => match[1] ?? ''));
}

/** Which of our packages each may import; itself is always allowed. */
const packageArrows: Readonly<Record<string, readonly string[]>> = {
  core: [],
  client: ['core'],
  server: ['core', 'template'],
  cli: ['client', 'core', 'server', 'template'],
  console: ['core'],
  testkit: ['core'],
  bookinfo: ['client'],
  template: ['core'],
};

/**
 * Inside the server: what each room may import besides itself, `contract.ts` and `core`. `server.ts` is the composition root
 * and may import every room; nothing imports it but the process' entry.
 */
const roomArrows: Readonly<Record<string, readonly string[]>> = {
  engine: [],
  store: [],
  // Time that stands still while the process did: leases and checks must agree on it.
  health: ['engine/ticker.ts'],
  // Whom a listener that speaks HTTP lets in.
  guard: [],
  http: ['guard'],
  // The gateway's own certificates.
  certificates: [],
  proxy: ['certificates/dns-names.ts', 'guard', 'linear-regex'],
  // The processes that the proxy runs in: a composition root of their own.
  gateway: ['proxy', 'engine/system-clock.ts', 'listeners', 'log', 'log-stream'],
  // Manifests, from their text to a stored rule: files and the API write them alike.
  rules: ['linear-regex'],
  frontends: ['http', 'linear-regex', 'log-stream', 'prepared-query-book', 'rules'],
  sources: ['rules'],
  outlets: ['http', 'linear-regex', 'prepared-query-book', 'upstream-names'],
  config: [
    'frontends/*/config.ts',
    'sources/*/config.ts',
    'outlets/*/config.ts',
    'certificates/config.ts',
    'proxy/config.ts',
    'proxy/access-format.ts',
    'health/config.ts',
    'http/config.ts',
  ],
};
const compositionRoot = ['server', 'main', 'run'];

/** Why `file` may not import `target` (a path from the root, or a package's specifier); undefined: it may. */
export function arrowProblem(file: string, target: string): string | undefined {
  const from = placeOf(file);
  if (from === undefined || isTest(file)) return undefined;
  const to = placeOf(target) ?? placeOfSpecifier(target);
  if (from.package === 'core' && to === undefined) return 'core is pure: no Node module, no package';
  if (to === undefined) return undefined;
  if (isTest(target)) return 'a test is nobody’s dependency';
  if (from.package !== to.package) return packageArrow(from, to);
  if (from.package === 'server') return roomArrow(from, to);
  return undefined;
}

function packageArrow(from: Place, to: Place): string | undefined {
  const allowed = packageArrows[from.package];
  if (allowed === undefined) return `no arrows are known for the package ${from.package}`;
  if (!allowed.includes(to.package)) return `${from.package} → ${to.package} is not an arrow of the house`;
  return undefined;
}

function roomArrow(from: Place, to: Place): string | undefined {
  const [fromRoom = '', fromDialect] = from.path;
  const [toRoom = '', toDialect] = to.path;
  const fromName = roomName(fromRoom);
  const toName = roomName(toRoom);
  if (toName === 'contract' || compositionRoot.includes(fromName)) return undefined;
  const dialects = ['frontends', 'sources', 'outlets'];
  if (dialects.includes(fromName) && dialects.includes(toName)) {
    const same = fromName === toName && fromDialect === toDialect;
    return same ? undefined : 'no dialect imports another';
  }
  if (fromName === toName) return undefined;
  const allowed = roomArrows[fromName];
  // A single file beside server.ts (clock, log, identity) is the root's own; rooms get such things passed in.
  if (allowed === undefined)
    return compositionFile(from) ? undefined : `no arrows are known for the room ${fromName}`;
  const path = to.path.join('/');
  if (allowed.some((arrow) => arrow === toName || matches(arrow, path))) return undefined;
  return `${fromName} → ${toName} is not an arrow of the house`;
}

function compositionFile(place: Place): boolean {
  return place.path.length === 1;
}

function matches(arrow: string, path: string): boolean {
  const [before = '', after] = arrow.split('*');
  if (after === undefined) return arrow === path;
  return (
    path.startsWith(before) && path.endsWith(after) && !path.slice(before.length, -after.length).includes('/')
  );
}

/** Why the package that `file` stands in does not let it import the npm package of `specifier`. */
export function packageProblem(file: string, specifier: string, packages: Packages): string | undefined {
  const name = packageName(specifier);
  if (name === undefined) return undefined;
  const place = placeOf(file);
  const folder = place === undefined ? '' : place.folder;
  const manifest = packages.manifest(folder);
  if (manifest.name === name) return undefined;
  const runtime = [manifest.dependencies, manifest.optionalDependencies, manifest.peerDependencies];
  const development = folder === '' || isTest(file) ? [manifest.devDependencies] : [];
  const listed = [...runtime, ...development].some((list) => list !== undefined && Object.hasOwn(list, name));
  return listed
    ? undefined
    : `${name} is not in the dependencies of ${folder === '' ? '' : `${folder}/`}package.json`;
}

/** The npm package of an import: undefined for a path of ours or a module of Node's. */
function packageName(specifier: string): string | undefined {
  if (specifier.startsWith('node:') || /^(packages|examples|interop|bench|scripts)\//.test(specifier))
    return undefined;
  const [scope = '', name] = specifier.split('/');
  return scope.startsWith('@') ? `${scope}/${name}` : scope;
}

interface Place {
  readonly package: string;
  readonly folder: string;
  /** Below `src/`. */
  readonly path: readonly string[];
}

function placeOf(file: string): Place | undefined {
  const match = /^((?:packages|examples)\/([^/]+))\/(?:src|bin)\/(.+)$/.exec(file);
  if (match === null) return undefined;
  const [, folder = '', name = '', path = ''] = match;
  return { package: name, folder, path: path.split('/') };
}

function placeOfSpecifier(specifier: string): Place | undefined {
  const match = /^(?:@portolan\/([^/]+)|(portolan))\/(.+)$/.exec(specifier);
  if (match === null) return undefined;
  const [, scoped, plain, path = ''] = match;
  const name = scoped ?? (plain === undefined ? '' : 'cli');
  return { package: name, folder: `packages/${name}`, path: path.split('/') };
}

function roomName(part: string): string {
  return part.replace(/\.tsx?$/, '');
}

/** Tests, and what only tests use, may look into any room. */
function isTest(file: string): boolean {
  return /\.test\.tsx?$|(^|\/)testdata\/|-suite\.ts$|\.fixture\.ts$/.test(file);
}
