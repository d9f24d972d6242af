import type { ResourceChange, TrafficMessage } from '@portolan/core/traffic/model.ts';

interface Named {
  readonly name: string;
}

/** The model as its messages add up. */
export class TrafficTable {
  revision = 0;
  readonly listeners = new Map<string, TrafficMessage['listeners']['put'][number]>();
  readonly virtualHosts = new Map<string, TrafficMessage['virtualHosts']['put'][number]>();
  readonly clusters = new Map<string, TrafficMessage['clusters']['put'][number]>();

  /** Takes one message; returns it as a change to what was there before (a snapshot removes what it does not name). */
  apply(message: TrafficMessage): TrafficMessage {
    const whole = message.type === 'snapshot';
    this.revision = message.revision;
    return {
      type: 'update',
      revision: message.revision,
      listeners: applyChange(this.listeners, message.listeners, whole),
      virtualHosts: applyChange(this.virtualHosts, message.virtualHosts, whole),
      clusters: applyChange(this.clusters, message.clusters, whole),
    };
  }

  snapshot(): TrafficMessage {
    return {
      type: 'snapshot',
      revision: this.revision,
      listeners: { put: [...this.listeners.values()], remove: [] },
      virtualHosts: { put: [...this.virtualHosts.values()], remove: [] },
      clusters: { put: [...this.clusters.values()], remove: [] },
    };
  }
}

function applyChange<T extends Named>(
  held: Map<string, T>,
  change: ResourceChange<T>,
  whole: boolean,
): ResourceChange<T> {
  const named = new Set(change.put.map((resource) => resource.name));
  const remove = whole ? [...held.keys()].filter((name) => !named.has(name)) : change.remove;
  for (const name of remove) held.delete(name);
  for (const resource of change.put) held.set(resource.name, resource);
  return { put: change.put, remove };
}
