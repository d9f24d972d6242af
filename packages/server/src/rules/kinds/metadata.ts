import type { ObjectMeta, StringMap } from '@portolan/core/rules/metadata.ts';
import type { At } from '../at.ts';
import { dnsLabel, dnsSubdomain } from '../formats.ts';
import { anyText, mapOf, object, type Schema, shown, text, whole } from '../schema.ts';

/** As Kubernetes limits them, keys and values of all annotations together. */
const maxAnnotationChars = 256 * 1024;

/** `example.com/name` or `name`: keys of labels and annotations. */
function checkQualifiedName(key: string, at: At): void {
  const slash = key.indexOf('/');
  const name = key.slice(slash + 1);
  const prefix = slash === -1 ? undefined : key.slice(0, slash);
  const right = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/.test(name);
  const rightPrefix =
    prefix === undefined || (prefix.length <= 253 && /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(prefix));
  if (right && rightPrefix) return;
  at.error('bad-name', `must be a name such as app or example.com/app, not ${shown(key)}`);
}

const labelValue = text({
  max: 63,
  check(value, at) {
    if (/^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$/.test(value)) return;
    at.error('bad-label', `must be letters, digits, "-", "_" and ".", not ${shown(value)}`);
  },
});

export const labels: Schema<StringMap> = mapOf(labelValue, checkQualifiedName);

const annotationMap = mapOf(anyText, checkQualifiedName);

const annotations: Schema<StringMap> = (value, at) => {
  const read = annotationMap(value, at);
  if (read === undefined) return undefined;
  let chars = 0;
  for (const [key, given] of Object.entries(read)) chars += key.length + given.length;
  if (chars > maxAnnotationChars) {
    at.error('too-long', `must have at most ${maxAnnotationChars} characters in all, not ${chars}`);
    return undefined;
  }
  if (read[lastApplied] === undefined) return read;
  // A copy of the whole manifest, which kubectl leaves behind: of no use here, and with a Secret's values in it.
  const { [lastApplied]: _, ...rest } = read;
  return Object.assign(Object.create(null), rest);
};

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

const timestamp = text({
  max: 64,
  check(value, at) {
    if (Number.isNaN(Date.parse(value))) {
      at.error('bad-time', `must be a time such as 2026-01-31T12:00:00Z, not ${shown(value)}`);
    }
  },
});

/** Kubernetes' own bookkeeping, which stands in what was exported from a cluster. */
const bookkeeping: ReadonlySet<string> = new Set([
  'managedFields',
  'ownerReferences',
  'finalizers',
  'selfLink',
  'generateName',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'clusterName',
]);

/** @param isService Names of Services are one label of a DNS name. */
export function metadata(isService = false): Schema<ObjectMeta> {
  return object<ObjectMeta>(
    ['name'],
    {
      name: isService ? dnsLabel : dnsSubdomain,
      namespace: dnsLabel,
      labels,
      annotations,
      uid: text({ max: 64 }),
      generation: whole(0, Number.MAX_SAFE_INTEGER),
      creationTimestamp: timestamp,
      resourceVersion: text({ max: 20 }),
    },
    undefined,
    bookkeeping,
  );
}

interface ManifestLike {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/** What was read before the schema is chosen, and what only a cluster says. */
export const statusOnly: ReadonlySet<string> = new Set(['status']);

/** A schema of a manifest: `apiVersion` and `kind` are known to be right. */
export function manifest<M extends ManifestLike>(
  required: readonly Exclude<keyof M & string, keyof ManifestLike>[],
  fields: {
    readonly [K in Exclude<keyof M & string, keyof ManifestLike>]-?: Schema<Exclude<M[K], undefined>>;
  },
  options: {
    readonly isService?: boolean;
    readonly check?: (value: M, at: At) => void;
    readonly ignored?: ReadonlySet<string>;
  } = {},
): Schema<M> {
  const all = {
    ...fields,
    apiVersion: anyText,
    kind: anyText,
    metadata: metadata(options.isService),
  };
  // That these are all fields of M follows from the types above, which the compiler cannot put together for a generic M.
  return object<M>(
    ['apiVersion', 'kind', 'metadata', ...required] as (keyof M & string)[],
    all as unknown as Parameters<typeof object<M>>[1],
    options.check,
    options.ignored ?? statusOnly,
  );
}

/** What a reference to another object by its name must be. */
export const objectName = dnsSubdomain;
