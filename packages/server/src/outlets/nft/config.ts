import { Fault } from '@portolan/core/base/fault.ts';
import type { ClusterIpRange } from '@portolan/core/rules/cluster-ip.ts';

export interface NftConfig {
  /** Whatever goes there and belongs to no Service is refused. */
  readonly range: ClusterIpRange;
}

const firstOfLoopback = 127 * 2 ** 24;

/** Undefined: the outlet is off. Throws an `invalid` fault for a range, or on a system, where it cannot work. */
export function nftConfig(
  { mode, range }: { readonly mode: string; readonly range: ClusterIpRange },
  system: { readonly platform: string; readonly userId: number | undefined },
): NftConfig | undefined {
  if (mode !== 'nft') return undefined;
  if (system.platform !== 'linux' || system.userId !== 0) {
    const problem = 'nft needs Linux, and root or its capability CAP_NET_ADMIN: listen needs neither';
    throw new Fault('invalid', `cluster-ip.mode ${problem}`, { path: 'cluster-ip.mode' });
  }
  if (range.first + range.size > firstOfLoopback && range.first < firstOfLoopback + 2 ** 24) {
    const problem =
      'must be outside 127.0.0.0/8 with cluster-ip.mode nft, as what comes from there never leaves the machine: give one that nobody uses here, such as 10.96.0.0/12';
    throw new Fault('invalid', `cluster-ip.range ${problem}`, { path: 'cluster-ip.range' });
  }
  return { range };
}
