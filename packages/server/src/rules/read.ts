import { nearest } from '@portolan/core/base/near-miss.ts';
import { defaultNamespace } from '@portolan/core/catalog/records.ts';
import type { AnyManifest } from '@portolan/core/rules/rule.ts';
import { clusterScope, type RuleKind, ruleKindOf, ruleKinds } from '@portolan/core/rules/rule-kinds.ts';
import { At, Findings } from './at.ts';
import { convert } from './convert.ts';
import { readJson } from './json-text.ts';
import { kindSchemas } from './kind-schemas.ts';
import { readLimits } from './limits.ts';
import { type PathPart, type Problem, pathText } from './problem.ts';
import { isObject, type Schema, shown } from './schema.ts';
import { documentsOf, readYaml, type TextPlace } from './yaml-text.ts';

/** Which resource: its key among the rules. `namespace` is `clusterScope` for kinds that have none. */
export interface ResourceKey {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** One resource of a text, or what was found in its place. */
export type ReadResource = {
  readonly problems: readonly Problem[];
  /** Where it begins. */
  readonly line: number;
} & (
  | {
      readonly outcome: 'read';
      readonly key: ResourceKey;
      readonly manifest: AnyManifest;
      /** The manifest's own: only where it is still so may it be replaced. */
      readonly resourceVersion: string | undefined;
    }
  /** There are errors. The key, where at least that could be read. */
  | { readonly outcome: 'refused'; readonly key: ResourceKey | undefined }
  /** Of a kind that is not read here: a Deployment beside its Service. */
  | { readonly outcome: 'skipped'; readonly key: undefined }
);

export interface ReadOptions {
  /** As problems name it; absent: a body. */
  readonly file?: string;
  /** For manifests without one. Default: `defaultNamespace`. */
  readonly namespace?: string;
  /** Wall clock, for certificates. */
  readonly nowMs: number;
}

/**
 * The resources of a text: YAML with any number of documents, or JSON; a `List` is taken apart. Total: what is wrong is in the
 * problems, and nothing of one document keeps another from being read. A generator, so that whoever asks can let others work
 * between two documents. Never throws.
 */
export function* readResources(text: string, options: ReadOptions): Generator<ReadResource> {
  if (text.length > readLimits.maxBytes) {
    yield refusal(
      options,
      { line: 1, column: 1 },
      'too-large',
      `The text has ${text.length} characters; at most ${readLimits.maxBytes} are read.`,
    );
    return;
  }
  const reader = new Reader(options);
  const json = readJson(text);
  if (json !== undefined) {
    yield* reader.resources(json.value, lazyPlaces(text));
    return;
  }
  for (const document of documentsOf(text.replace(/^\uFEFF/, ''))) {
    const { value, problems, placeOf } = readYaml(document);
    if (problems.length > 0) {
      yield {
        outcome: 'refused',
        key: undefined,
        line: problems[0]?.place.line ?? document.line,
        problems: problems.map(({ code, message, place }) =>
          problemAt(options, place, 'error', code, message),
        ),
      };
    } else if (value !== null) {
      yield* reader.resources(value, placeOf);
    }
    if (reader.isFull) return;
  }
}

type Places = (path: readonly PathPart[]) => TextPlace;

/** Of JSON, which is YAML: read as such only when somebody wants to know where something is. */
function lazyPlaces(text: string): Places {
  let places: Places | undefined;
  return (path) => {
    places ??= readYaml({ text, line: 1 }).placeOf;
    return places(path);
  };
}

function problemAt(
  { file }: ReadOptions,
  { line, column }: TextPlace,
  severity: Problem['severity'],
  code: string,
  message: string,
): Problem {
  return { severity, code, message, ...(file === undefined ? {} : { file }), line, column };
}

function refusal(options: ReadOptions, place: TextPlace, code: string, message: string): ReadResource {
  return {
    outcome: 'refused',
    key: undefined,
    line: place.line,
    problems: [problemAt(options, place, 'error', code, message)],
  };
}

class Reader {
  readonly #options: ReadOptions;
  readonly #schemas: ReadonlyMap<string, Schema<AnyManifest>>;
  #count = 0;

  constructor(options: ReadOptions) {
    this.#options = options;
    this.#schemas = kindSchemas(options.nowMs);
  }

  get isFull(): boolean {
    return this.#count >= readLimits.maxResources;
  }

  *resources(value: unknown, placeOf: Places): Generator<ReadResource> {
    // Several manifests in a JSON array, as some tools write them, are a list as well.
    const items = Array.isArray(value) ? value : undefined;
    if (items !== undefined) {
      yield* this.#items(items, {}, [], placeOf);
    } else if (isObject(value) && Array.isArray(value.items) && isListKind(value.kind)) {
      yield* this.#items(value.items, itemDefaults(value), ['items'], placeOf);
    } else {
      yield this.#resource(value, [], placeOf);
    }
  }

  *#items(
    items: readonly unknown[],
    defaults: Readonly<Record<string, unknown>>,
    at: readonly PathPart[],
    placeOf: Places,
  ): Generator<ReadResource> {
    for (const [index, item] of items.entries()) {
      yield this.#resource(isObject(item) ? { ...defaults, ...item } : item, [...at, index], placeOf);
      if (this.isFull) return;
    }
  }

  #resource(value: unknown, base: readonly PathPart[], placeOf: Places): ReadResource {
    this.#count += 1;
    const findings = new Findings();
    const at = new At(findings);
    let writtenPath = (path: readonly PathPart[]): readonly PathPart[] => path;
    if (this.#count >= readLimits.maxResources) {
      at.error(
        'too-large',
        `are too many: at most ${readLimits.maxResources} resources are read from one text`,
      );
    }
    const done = (): Pick<ReadResource, 'line' | 'problems'> => ({
      line: placeOf(base).line,
      problems: findings.list.map(({ at: path, ...problem }) => {
        const written = [...base, ...writtenPath(path)];
        const place = placeOf(written);
        return {
          ...problem,
          ...(written.length === 0 ? {} : { path: pathText(written) }),
          ...(this.#options.file === undefined ? {} : { file: this.#options.file }),
          line: place.line,
          column: place.column,
        };
      }),
    });

    const kind = kindOf(value, at);
    if (kind === 'unknown') return { outcome: 'skipped', key: undefined, ...done() };
    if (kind === undefined || !isObject(value)) return { outcome: 'refused', key: undefined, ...done() };
    let current = value;
    if (value.apiVersion !== kind.apiVersion) {
      at.in('apiVersion').warn(
        'old-version',
        `is ${String(value.apiVersion)}, an old one: read as ${kind.apiVersion}`,
        `write apiVersion: ${kind.apiVersion}`,
      );
      const converted = convert(value, kind.kind, kind.apiVersion);
      current = converted.value;
      writtenPath = converted.writtenPath;
    }
    const read = this.#schemas.get(`${kind.apiVersion} ${kind.kind}`)?.(current, at);
    if (read === undefined || findings.errors > 0) {
      return { outcome: 'refused', key: this.#keyIn(kind, current), ...done() };
    }
    const { resourceVersion, namespace, ...metadata } = read.metadata;
    const key = this.#key(kind, read.metadata.name, namespace);
    const manifest = {
      ...read,
      metadata: kind.namespaced ? { ...metadata, namespace: key.namespace } : metadata,
    };
    return { outcome: 'read', key, manifest: manifest as AnyManifest, resourceVersion, ...done() };
  }

  #key({ apiVersion, kind, namespaced }: RuleKind, name: string, namespace: string | undefined): ResourceKey {
    const own = namespace ?? this.#options.namespace ?? defaultNamespace;
    return { apiVersion, kind, namespace: namespaced ? own : clusterScope, name };
  }

  /** Of a manifest with errors: enough to know whose last good version stays. */
  #keyIn(kind: RuleKind, value: Readonly<Record<string, unknown>>): ResourceKey | undefined {
    if (!isObject(value.metadata)) return undefined;
    const { name, namespace } = value.metadata;
    if (typeof name !== 'string' || name === '' || name.length > maxNameChars) return undefined;
    return this.#key(
      kind,
      name,
      typeof namespace === 'string' && namespace !== '' && namespace.length <= maxNameChars
        ? namespace
        : undefined,
    );
  }
}

/** Nothing that can be stored has a longer one. */
const maxNameChars = 253;

function isListKind(kind: unknown): boolean {
  return typeof kind === 'string' && kind.endsWith('List');
}

/** Of `IngressList` and the like, whose items need not say what they are. */
function itemDefaults({
  apiVersion,
  kind,
}: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return kind === 'List' ? {} : { apiVersion, kind: String(kind).slice(0, -'List'.length) };
}

/** `unknown`: nothing of ours, and no mistake that can be seen. Undefined: a mistake, which was told. */
function kindOf(value: unknown, at: At): RuleKind | 'unknown' | undefined {
  if (!isObject(value)) {
    at.error(
      'not-a-manifest',
      `The document must be a manifest with apiVersion, kind and metadata, not ${shown(value)}.`,
    );
    return undefined;
  }
  const { apiVersion, kind } = value;
  for (const field of ['apiVersion', 'kind']) {
    const given = value[field];
    if (typeof given === 'string' && given !== '') continue;
    const near = given === undefined ? nearest(field, Object.keys(value)) : undefined;
    at.in(field).error(
      given === undefined || given === null ? 'missing-field' : 'wrong-type',
      given === undefined || given === null
        ? 'is missing: is this a manifest?'
        : `must be text, not ${shown(given)}`,
      near === undefined ? undefined : `is ${near} meant to be it?`,
    );
  }
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || apiVersion === '' || kind === '')
    return undefined;
  const known = ruleKindOf(apiVersion, kind);
  if (known !== undefined) return known;
  return unknownKind(apiVersion, kind, at);
}

function unknownKind(apiVersion: string, kind: string, at: At): 'unknown' | undefined {
  const group = groupOf(apiVersion);
  const ofKind = ruleKinds.filter((one) => one.kind === kind);
  const sameGroup = ofKind.find((one) => groupOf(one.apiVersion) === group);
  if (sameGroup !== undefined) {
    const versions = [sameGroup.apiVersion, ...sameGroup.convertsFrom].join(', ');
    at.in('apiVersion').error('unknown-version', `must be one of ${versions}, not ${shown(apiVersion)}`);
    return undefined;
  }
  const nearKind = nearest(
    kind,
    ruleKinds.filter((one) => groupOf(one.apiVersion) === group).map((one) => one.kind),
  );
  if (nearKind !== undefined) {
    at.in('kind').error(
      'unknown-kind',
      `is ${shown(kind)}, which ${apiVersion} does not have`,
      `did you mean ${nearKind}?`,
    );
    return undefined;
  }
  const nearVersion = nearest(
    apiVersion,
    ofKind.map((one) => one.apiVersion),
  );
  if (nearVersion !== undefined) {
    at.in('apiVersion').error(
      'unknown-version',
      `is ${shown(apiVersion)}, which has no ${kind}`,
      `did you mean ${nearVersion}?`,
    );
    return undefined;
  }
  at.in('kind').info(
    'skipped',
    `is ${shown(kind)} of ${shown(apiVersion)}, which does not bear on traffic: skipped`,
  );
  return 'unknown';
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash === -1 ? '' : apiVersion.slice(0, slash);
}
