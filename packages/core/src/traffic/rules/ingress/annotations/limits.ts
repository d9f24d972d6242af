import type { RateLimit } from '../../../route.ts';
import { cidrs } from './cidrs.ts';
import type { AnnotationGroup } from './draft.ts';
import type { AnnotationReader } from './reader.ts';

/** ingress-nginx's `limit-req-status-code`. */
const limitedStatus = 503;
const defaultBurstMultiplier = 5;

/** `proxy-body-size`, `limit-rps`, `limit-rpm`, `limit-connections`, `limit-burst-multiplier`, `limit-whitelist`, `proxy-request-buffering`. */
export const limitAnnotations: AnnotationGroup = (read, draft) => {
  const size = read.text('proxy-body-size');
  const maxBodyBytes = size === undefined ? undefined : sizeOf(size);
  if (size !== undefined && maxBodyBytes === undefined) {
    read.report(
      'error',
      'annotation-invalid',
      'proxy-body-size',
      `"${size}" is no size such as 8m, 512k or 0`,
    );
  }
  if (maxBodyBytes !== undefined && maxBodyBytes > 0) draft.policies.maxBodyBytes = maxBodyBytes;
  if (read.choice('proxy-request-buffering', ['on', 'off']) === 'on') draft.policies.bufferRequest = true;

  const multiplier = read.whole('limit-burst-multiplier', 1) ?? defaultBurstMultiplier;
  const exempt = cidrs(read, 'limit-whitelist')?.ranges ?? [];
  const limits = [
    ...limitOf(read, 'limit-rps', 1_000, multiplier, exempt),
    ...limitOf(read, 'limit-rpm', 60_000, multiplier, exempt),
  ];
  if (limits.length > 0) draft.policies.rateLimits = limits;
  const connections = read.whole('limit-connections', 0) ?? 0;
  if (connections > 0)
    draft.policies.connectionLimit = { max: connections, by: 'source-address', status: limitedStatus };
};

/** nginx lets the burst pass besides the request that begins it. */
function limitOf(
  read: AnnotationReader,
  name: string,
  perMs: number,
  multiplier: number,
  exempt: readonly string[],
): RateLimit[] {
  const requests = read.whole(name) ?? 0;
  if (requests === 0) return [];
  const burst = requests * multiplier + 1;
  const by = { type: 'source-address' as const };
  return [{ requests, perMs, burst, by, ...(exempt.length === 0 ? {} : { exempt }), status: limitedStatus }];
}

const units: Readonly<Record<string, number>> = { '': 1, k: 1_024, m: 1_048_576, g: 1_073_741_824 };

/** nginx's sizes: octets, or with `k`, `m`, `g`. */
function sizeOf(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d{1,12})([kmg]?)b?$/i.exec(text) ?? [];
  return number === undefined ? undefined : Number(number) * (units[unit.toLowerCase()] ?? 1);
}
