import type {
  Cluster,
  Listener,
  ResourceChange,
  TrafficDelta,
  TrafficMessage,
  TrafficModel,
  VirtualHost,
} from '@portolan/core/traffic/model.ts';

/** Names that changed since a reader was told, by kind. */
export interface Dirty {
  readonly listeners: Set<string>;
  readonly virtualHosts: Set<string>;
  readonly clusters: Set<string>;
}

export function nothingDirty(): Dirty {
  return { listeners: new Set(), virtualHosts: new Set(), clusters: new Set() };
}

export function addDirty(dirty: Dirty, delta: TrafficDelta): void {
  for (const name of delta.listeners) dirty.listeners.add(name);
  for (const name of delta.virtualHosts) dirty.virtualHosts.add(name);
  for (const name of delta.clusters) dirty.clusters.add(name);
}

export function dirtySize(dirty: TrafficDelta): number {
  return dirty.listeners.size + dirty.virtualHosts.size + dirty.clusters.size;
}

/** The whole model as one message. */
export function snapshotMessage(model: TrafficModel): TrafficMessage {
  return {
    type: 'snapshot',
    revision: model.revision,
    listeners: { put: [...model.listeners.values()], remove: [] },
    virtualHosts: { put: [...model.virtualHosts.values()], remove: [] },
    clusters: { put: [...model.clusters.values()], remove: [] },
  };
}

/** What the named resources are now: put where they exist, removed where they do not. */
export function updateMessage(model: TrafficModel, dirty: TrafficDelta): TrafficMessage {
  return {
    type: 'update',
    revision: model.revision,
    listeners: changeOf(model.listeners, dirty.listeners),
    virtualHosts: changeOf(model.virtualHosts, dirty.virtualHosts),
    clusters: changeOf(model.clusters, dirty.clusters),
  };
}

/** One line with its line feed. */
export function encodeUpdate(model: TrafficModel, dirty: TrafficDelta): Buffer {
  return Buffer.from(`${JSON.stringify(updateMessage(model, dirty))}\n`);
}

function changeOf<T>(all: ReadonlyMap<string, T>, names: ReadonlySet<string>): ResourceChange<T> {
  const put: T[] = [];
  const remove: string[] = [];
  for (const name of names) {
    const value = all.get(name);
    if (value === undefined) remove.push(name);
    else put.push(value);
  }
  return { put, remove };
}

/** A piece is written whole and at once: large enough to be worth a write, small enough not to hold up the process. */
const pieceLength = 64 * 1024;

/**
 * The whole model as one line, in pieces. The model of the moment of the call is what is told, however long the reader takes:
 * its values are frozen, and only the lists of them are copied.
 */
export function snapshotPieces(model: TrafficModel): Iterator<string, undefined> {
  const lists = [
    ['listeners', [...model.listeners.values()]],
    ['virtualHosts', [...model.virtualHosts.values()]],
    ['clusters', [...model.clusters.values()]],
  ] as const;
  return pieces(model.revision, lists);
}

type Lists = readonly (readonly [string, readonly (Listener | VirtualHost | Cluster)[]])[];

function* pieces(revision: number, lists: Lists): Generator<string, undefined> {
  let piece = `{"type":"snapshot","revision":${revision}`;
  for (const [kind, values] of lists) {
    piece += `,"${kind}":{"put":[`;
    let separator = '';
    for (const value of values) {
      piece += separator + JSON.stringify(value);
      separator = ',';
      if (piece.length < pieceLength) continue;
      yield piece;
      piece = '';
    }
    piece += '],"remove":[]}';
  }
  yield `${piece}}\n`;
}
