import { addressRules } from '../base/address-rules.ts';
import type { CatalogReader, ServiceView } from '../catalog/reader.ts';
import type { AdminState, Health, InstanceRecord } from '../catalog/records.ts';
import { createLabelPool, type LabelPool, sameLabels } from './label-pool.ts';
import type { Endpoint } from './model.ts';
import type { OwnListeners } from './own-listeners.ts';

/** A service's endpoints, with the instance each was made of, so that the next plan can keep what did not change. */
export interface EndpointSet {
  readonly endpoints: readonly Endpoint[];
  /** `sources[i]` made `endpoints[i]`. */
  readonly sources: readonly InstanceRecord[];
  /** Whether any instance has a port at all, reachable or not. */
  readonly hasPort: boolean;
  /** Instances with a port of which nobody knows the address. */
  readonly withoutAddress: number;
  /** Instances at an address to which nothing may be sent (`base/address-rules.ts`). */
  readonly denied: number;
  /** Instances at one of our own listeners. */
  readonly ourselves: number;
}

export const noEndpoints: EndpointSet = Object.freeze({
  endpoints: Object.freeze([]),
  sources: Object.freeze([]),
  hasPort: false,
  withoutAddress: 0,
  denied: 0,
  ourselves: 0,
});

/** Envoy's limit for one host's weight is 2^32-1; DNS SRV ends here, and so does Consul in practice. */
const maxWeight = 65_535;

const rules = addressRules();

/** Which of a service's instances are meant, and where they are reached. */
export interface InstanceChoice {
  takes(record: InstanceRecord): boolean;
  /** 0: it has none. */
  portOf(record: InstanceRecord): number;
  /** Also those whose checks fail. */
  readonly notReady: boolean;
}

/** All, each at its own port. */
const asRegistered: InstanceChoice = Object.freeze({
  takes: () => true,
  portOf: (record: InstanceRecord) => record.port,
  notReady: false,
});

/**
 * What can be sent requests now, in the order of node and id: passing or warning, not taken out of service, not at a denied
 * address, not ourselves. An endpoint that is
 * as it was in `previous` is the same object, so that comparing two sets is cheap.
 */
export function endpointsOf(
  catalog: CatalogReader,
  service: ServiceView,
  previous: EndpointSet,
  own: OwnListeners,
  choice: InstanceChoice = asRegistered,
): EndpointSet {
  const endpoints: Endpoint[] = [];
  const sources: InstanceRecord[] = [];
  let hasPort = false;
  let withoutAddress = 0;
  let denied = 0;
  let ourselves = 0;
  const pool = createLabelPool();
  let cursor = 0;
  let same = true;
  for (const { record } of service.instances()) {
    if (!choice.takes(record)) continue;
    const port = choice.portOf(record);
    if (port === 0) continue;
    hasPort = true;
    const health = catalog.healthOf(record);
    if (health === 'critical' && !choice.notReady) continue;
    const node = catalog.node(record.node)?.record;
    const admin = worse(record.adminState, node?.adminState ?? 'in-service');
    if (admin === 'out-of-service') continue;
    const address = record.address === '' ? (node?.address ?? '') : record.address;
    if (address === '') {
      withoutAddress += 1;
      continue;
    }
    if (own.includes(address, port)) {
      ourselves += 1;
      continue;
    }
    // Both lists are in the same order: what was before this instance and is not there any more is skipped once.
    while (cursor < previous.sources.length && comesBefore(previous.sources[cursor], record)) cursor += 1;
    const source = previous.sources[cursor];
    const before =
      source?.node === record.node && source.id === record.id ? previous.endpoints[cursor] : undefined;
    // What was let in before at this address is let in again: the rules do not change.
    if (before?.address !== address && !rules.allowsHost(address)) {
      denied += 1;
      continue;
    }
    const made = endpointOf(record, { address, port, admin, health }, pool, before, source === record);
    same = same && made === previous.endpoints[endpoints.length];
    endpoints.push(made);
    sources.push(record);
  }
  same = same && endpoints.length === previous.endpoints.length;
  return {
    endpoints: same ? previous.endpoints : Object.freeze(endpoints),
    sources,
    hasPort,
    withoutAddress,
    denied,
    ourselves,
  };
}

interface Reached {
  readonly address: string;
  readonly port: number;
  readonly admin: AdminState;
  readonly health: Health;
}

function endpointOf(
  record: InstanceRecord,
  { address, port, admin, health }: Reached,
  pool: LabelPool,
  before: Endpoint | undefined,
  sameRecord: boolean,
): Endpoint {
  const weight = weightOf(record, health);
  const state = admin === 'draining' ? 'draining' : 'healthy';
  const unchanged =
    before !== undefined &&
    before.address === address &&
    before.port === port &&
    before.weight === weight &&
    before.state === state;
  if (unchanged && sameRecord) return before;
  const endpointLabels = pool.labelsOf(record);
  if (unchanged && sameLabels(before.labels, endpointLabels)) return before;
  return Object.freeze({
    id: `${record.node.replaceAll('/', '%2F')}/${record.id}`,
    address,
    port,
    weight,
    state,
    labels: endpointLabels,
  });
}

function weightOf(record: InstanceRecord, health: Health): number {
  const weight = health === 'warning' ? record.weights.warning : record.weights.passing;
  return Number.isFinite(weight) ? Math.min(Math.max(Math.trunc(weight), 0), maxWeight) : 1;
}

const rank: Readonly<Record<AdminState, number>> = { 'in-service': 0, draining: 1, 'out-of-service': 2 };

function worse(left: AdminState, right: AdminState): AdminState {
  return rank[left] >= rank[right] ? left : right;
}

function comesBefore(left: InstanceRecord | undefined, right: InstanceRecord): boolean {
  if (left === undefined || left.node === right.node) return left !== undefined && left.id < right.id;
  return left.node < right.node;
}
