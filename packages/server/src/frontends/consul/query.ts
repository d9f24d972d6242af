import { Fault } from '@portolan/core/base/fault.ts';
import type { Query } from '../../http/target.ts';
import type { ConsulConfig } from './config.ts';
import { parseGoDuration } from './go-duration.ts';

export type Consistency = 'default' | 'stale' | 'consistent';

/** What every read understands besides its own parameters. */
export interface ReadOptions {
  /** Answer when the index is above this; 0 = at once. Infinity: larger than any number we can tell apart. */
  readonly index: number;
  /** Without jitter. */
  readonly waitMs: number;
  readonly consistency: Consistency;
  readonly cached: boolean;
}

/** Reads the parameters that all reads share. Throws the texts that Consul's clients know. */
export function readOptions(query: Query, config: ConsulConfig): ReadOptions {
  const waitMs = wait(query.get('wait'), config);
  const consistency = consistencyOf(query);
  const cached = query.has('cached');
  if (cached && consistency === 'consistent') throw conflicting('cached', 'consistent');
  checkMaxStale(query.get('max_stale'));
  return { index: index(query.get('index')), waitMs, consistency, cached };
}

/** Whether the request is for this datacenter; it is when it names none. */
export function isOurDatacenter(query: Query, datacenter: string): boolean {
  const dc = query.get('dc') ?? '';
  return dc === '' || dc === datacenter;
}

/** Throws Consul CE's text for what only Enterprise has. */
export function refuseEnterpriseScopes(query: Query): void {
  refuseEnterprise(query, 'ns', 'Namespaces');
  refuseEnterprise(query, 'partition', 'Partitions');
}

function refuseEnterprise(query: Query, name: string, what: string): void {
  const value = query.get(name) ?? '';
  if (value === '' || value === 'default') return;
  throw new Fault('invalid', `Invalid query parameter: "${name}" - ${what} are a Consul Enterprise feature`);
}

function index(text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  if (!/^\d{1,20}$/.test(text)) throw new Fault('invalid', 'Invalid index');
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : Number.POSITIVE_INFINITY;
}

function wait(text: string | undefined, config: ConsulConfig): number {
  if (text === undefined || text === '') return config.defaultWaitMs;
  const ms = parseGoDuration(text);
  if (ms === undefined) throw new Fault('invalid', 'Invalid wait time');
  return ms <= 0 ? config.defaultWaitMs : Math.min(ms, config.maxWaitMs);
}

function consistencyOf(query: Query): Consistency {
  const stale = query.has('stale');
  if (!query.has('consistent')) return stale ? 'stale' : 'default';
  if (stale) throw conflicting('stale', 'consistent');
  return 'consistent';
}

function conflicting(left: string, right: string): Fault {
  return new Fault('invalid', `Cannot specify ?${left} with ?${right}, conflicting semantics.`);
}

function checkMaxStale(text: string | undefined): void {
  if (text !== undefined && parseGoDuration(text) === undefined) {
    throw new Fault('invalid', `Invalid max_stale value ${JSON.stringify(text)}`);
  }
}

const agedDirective = /^(?:max-age|stale-if-error)\s*=\s*(.*)$/i;

/**
 * `Cache-Control` of a cached read: an answer from here is never old, so that its ages are only looked at. Throws Consul's text for
 * one that is no number of seconds.
 */
export function checkCacheControl(header: string | undefined): void {
  for (const directive of header?.split(',') ?? []) {
    const [, seconds] = agedDirective.exec(directive.trim()) ?? [];
    if (seconds !== undefined && !/^\d{1,9}$/.test(seconds)) {
      throw new Fault('invalid', 'Invalid Cache-Control header.');
    }
  }
}

/** Whether `?name` is given and not `false` or `0`. */
export function flag(query: Query, name: string): boolean {
  const value = query.get(name);
  return value !== undefined && value !== 'false' && value !== '0';
}

/** `node-meta=key:value`, repeated: what a node's metadata must all hold. */
export function nodeMeta(query: Query): readonly (readonly [string, string])[] {
  return query.all('node-meta').map((text) => {
    const colon = text.indexOf(':');
    return colon === -1 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
  });
}
