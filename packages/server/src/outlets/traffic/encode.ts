import {
  type ResourceChange,
  type TrafficDelta,
  type TrafficKind,
  type TrafficMessage,
  type TrafficModel,
  type TrafficResources,
  trafficKinds,
} from '@portolan/core/traffic/model.ts';
import { withoutSecrets } from '@portolan/core/traffic/secrets.ts';
import type { TrafficNames, TrafficTablesReader } from '@portolan/core/traffic/tables.ts';

/** Names that changed since a reader was told, by kind. */
export type Dirty = TrafficNames;

export function addDirty(dirty: Dirty, delta: TrafficDelta): void {
  for (const kind of trafficKinds) for (const name of delta[kind]) dirty[kind].add(name);
}

export function dirtySize(dirty: TrafficDelta): number {
  let size = 0;
  for (const kind of trafficKinds) size += dirty[kind].size;
  return size;
}

/** To whom something is told: a data plane that has shown the token, or anyone, who gets no secrets. */
export type Audience = 'data-plane' | 'anyone';

/** What the named resources are now: put where they exist, removed where they do not. */
function updateMessage(model: TrafficModel, dirty: TrafficDelta, audience: Audience): TrafficMessage {
  const change = <K extends TrafficKind>(kind: K): ResourceChange<TrafficResources[K]> => {
    const all: TrafficTablesReader = model;
    const { put, remove } = changeOf<TrafficResources[K]>(all[kind], dirty[kind]);
    return { put: audience === 'anyone' ? put.map((item) => withoutSecrets(kind, item)) : put, remove };
  };
  return {
    type: 'update',
    revision: model.revision,
    certificates: change('certificates'),
    clusters: change('clusters'),
    tlsHosts: change('tlsHosts'),
    virtualHosts: change('virtualHosts'),
    listeners: change('listeners'),
  };
}

/** One line with its line feed. */
export function encodeUpdate(model: TrafficModel, dirty: TrafficDelta, audience: Audience): Buffer {
  return Buffer.from(`${JSON.stringify(updateMessage(model, dirty, audience))}\n`);
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
export function snapshotPieces(model: TrafficModel, audience: Audience): Iterator<string, undefined> {
  const lists = trafficKinds.map((kind) => [kind, [...model[kind].values()]] as const);
  return pieces(model.revision, lists, audience);
}

type Lists = readonly (readonly [TrafficKind, readonly TrafficResources[TrafficKind][]])[];

function* pieces(revision: number, lists: Lists, audience: Audience): Generator<string, undefined> {
  let piece = `{"type":"snapshot","revision":${revision}`;
  for (const [kind, values] of lists) {
    piece += `,"${kind}":{"put":[`;
    let separator = '';
    for (const value of values) {
      const told = audience === 'anyone' ? withoutSecrets(kind, value) : value;
      piece += separator + JSON.stringify(told);
      separator = ',';
      if (piece.length < pieceLength) continue;
      yield piece;
      piece = '';
    }
    piece += '],"remove":[]}';
  }
  yield `${piece}}\n`;
}
