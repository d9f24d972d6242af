import { createHmac, randomBytes } from 'node:crypto';
import type { Json } from '@portolan/core/base/json.ts';
import type { RuleRecord } from '@portolan/core/catalog/records.ts';
import { isObject } from './schema.ts';

/** Made anew at each start: a digest tells whether two values are equal, and helps nobody to guess one. */
const digestKey = randomBytes(32);

/**
 * A manifest as anyone may see it: the values of a Secret are their lengths and digests. Such a one cannot be written back: what stands
 * in place of a value is no base64.
 */
export function shownManifest(manifest: Json, ruleKind: string): Json {
  if (ruleKind !== 'Secret' || typeof manifest !== 'object' || manifest === null) return manifest;
  const { data, ...rest } = manifest as Readonly<Record<string, Json>>;
  if (typeof data !== 'object' || data === null) return manifest;
  const shown = Object.create(null) as Record<string, Json>;
  for (const [key, value] of Object.entries(data)) shown[key] = digestOf(String(value));
  return { ...rest, data: shown };
}

/** The same with the `resourceVersion` of the record. */
export function shownResource(
  { manifest, ruleKind }: Pick<RuleRecord, 'manifest' | 'ruleKind'>,
  revision: number,
): Json {
  const shown = shownManifest(manifest, ruleKind);
  if (!isObject(shown)) return shown;
  const metadata = isObject(shown.metadata) ? shown.metadata : {};
  return { ...shown, metadata: { ...metadata, resourceVersion: String(revision) } } as Json;
}

function digestOf(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  const digest = createHmac('sha256', digestKey).update(bytes).digest('hex').slice(0, 12);
  return `(${bytes.length} bytes, ${digest})`;
}
