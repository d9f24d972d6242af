import { type ClusterLoad, EndpointLoad } from '@portolan/core/balance/endpoint-load.ts';
import { newOutlierRecord } from '@portolan/core/resilience/outlier.ts';
import { newTally } from '@portolan/core/resilience/outlier-statistics.ts';
import type { ServiceInstance } from '../registry/decode.ts';

/** An instance as this client knows it: what it has to do and how it fared. Outlives changes of the list. */
export class Member {
  /** The newest record. */
  instance: ServiceInstance;
  readonly load: EndpointLoad;
  readonly record = newOutlierRecord();
  readonly tally = newTally();

  constructor(instance: ServiceInstance, load: ClusterLoad) {
    this.instance = instance;
    this.load = new EndpointLoad(load);
  }
}

/** The address belongs to it: the same instance started again elsewhere is not the one that failed. */
export function memberKey(instance: ServiceInstance): string {
  return `${instance.address}|${instance.port}|${instance.node}/${instance.id}`;
}
