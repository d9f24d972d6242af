import type {
  ResourceChange,
  TrafficChanges,
  TrafficKind,
  TrafficMessage,
  TrafficResources,
} from '@portolan/core/traffic/model.ts';
import { emptyTables, type TrafficTables } from '@portolan/core/traffic/tables.ts';

interface Named {
  readonly name: string;
}

/** The model as its messages add up. */
export class TrafficTable {
  revision = 0;
  readonly #tables: TrafficTables = emptyTables();

  get listeners(): TrafficTables['listeners'] {
    return this.#tables.listeners;
  }

  get virtualHosts(): TrafficTables['virtualHosts'] {
    return this.#tables.virtualHosts;
  }

  get clusters(): TrafficTables['clusters'] {
    return this.#tables.clusters;
  }

  get tlsHosts(): TrafficTables['tlsHosts'] {
    return this.#tables.tlsHosts;
  }

  get certificates(): TrafficTables['certificates'] {
    return this.#tables.certificates;
  }

  /** Takes one message; returns it as a change to what was there before (a snapshot removes what it does not name). */
  apply(message: TrafficMessage): TrafficMessage {
    const whole = message.type === 'snapshot';
    this.revision = message.revision;
    const changes: TrafficChanges = message;
    const apply = <K extends TrafficKind>(kind: K): ResourceChange<TrafficResources[K]> =>
      applyChange<TrafficResources[K]>(this.#tables[kind], changes[kind], whole);
    return {
      type: 'update',
      revision: message.revision,
      certificates: apply('certificates'),
      clusters: apply('clusters'),
      tlsHosts: apply('tlsHosts'),
      virtualHosts: apply('virtualHosts'),
      listeners: apply('listeners'),
    };
  }

  snapshot(): TrafficMessage {
    const all = <K extends TrafficKind>(kind: K): ResourceChange<TrafficResources[K]> => ({
      put: [...this.#tables[kind].values()],
      remove: [],
    });
    return {
      type: 'snapshot',
      revision: this.revision,
      certificates: all('certificates'),
      clusters: all('clusters'),
      tlsHosts: all('tlsHosts'),
      virtualHosts: all('virtualHosts'),
      listeners: all('listeners'),
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
