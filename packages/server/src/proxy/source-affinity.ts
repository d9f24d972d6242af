import { hashKey } from '@portolan/core/balance/hash-key.ts';
import type { Cluster } from '@portolan/core/traffic/model.ts';
import type { EndpointState } from './endpoint-state.ts';

interface Bond {
  readonly endpoint: EndpointState;
  readonly untilMs: number;
}

/** Source addresses that one listener remembers: some 10 MB. */
const maxBonds = 65_536;

/** Keeps a source address at the endpoint that it got first (Kubernetes' `ClientIP`), each worker for itself. */
export class SourceAffinity {
  /** Beginning with the one whose last connection is longest ago. */
  readonly #bonds = new Map<string, Bond>();

  /** The endpoint that `source` had, if it is still one to be asked. */
  find(source: string, nowMs: number): EndpointState | undefined {
    const bond = this.#bonds.get(source);
    if (bond === undefined || nowMs >= bond.untilMs || !isFit(bond.endpoint)) return undefined;
    return bond.endpoint;
  }

  keep(source: string, endpoint: EndpointState, untilMs: number): void {
    this.#bonds.delete(source);
    if (this.#bonds.size >= maxBonds) this.#forget();
    this.#bonds.set(source, { endpoint, untilMs });
  }

  /** Half of them, the oldest: one at a time would go through all that was deleted before. */
  #forget(): void {
    let rest = maxBonds / 2;
    for (const source of this.#bonds.keys()) {
      if (rest-- === 0) return;
      this.#bonds.delete(source);
    }
  }
}

function isFit({ retired, endpoint, record }: EndpointState): boolean {
  return !retired && endpoint.state === 'healthy' && record.state.kind === 'in';
}

/** What a cluster that balances by the source's address picks by; undefined: it does not. */
export function sourceHash(config: Cluster | undefined, address: string): number | undefined {
  const balance = config?.balance;
  const key = balance !== undefined && 'key' in balance ? balance.key : undefined;
  return key?.type === 'source-address' ? hashKey(address) : undefined;
}
