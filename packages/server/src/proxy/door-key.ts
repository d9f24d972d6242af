import type { Listener } from '@portolan/core/traffic/model.ts';

/** A listening socket, as the supervisor opens it and a worker accepts from it. What is served there is looked up by `key`, so that it may change. */
export type Door =
  | { readonly kind: 'stream'; readonly key: string }
  /** Each worker binds its own. */
  | { readonly kind: 'udp'; readonly key: string; readonly address: string; readonly port: number };

/**
 * Where a listener is bound, as a name: `gateway`, `gateway-tls`, `tcp 3306`, `udp 10.0.0.1:53`. Listeners of one key share a socket; it stays open
 * when one takes the other's place.
 */
export function doorKey({ protocol, bind }: Pick<Listener, 'protocol' | 'bind'>): string {
  if (typeof bind === 'string') return bind;
  const transport = protocol === 'udp' ? 'udp' : 'tcp';
  return bind.address === undefined
    ? `${transport} ${bind.port}`
    : `${transport} ${bind.address}:${bind.port}`;
}

export interface ByDoor {
  readonly served: ReadonlyMap<string, Listener>;
  /** They want a door that one before them by name has. */
  readonly refused: readonly Listener[];
}

/** Who serves each door. The first by name does, so that all data planes agree. */
export function byDoor(listeners: Iterable<Listener>): ByDoor {
  const served = new Map<string, Listener>();
  const refused: Listener[] = [];
  const sorted = [...listeners].sort((left, right) => (left.name < right.name ? -1 : 1));
  for (const listener of sorted) {
    const key = doorKey(listener);
    if (served.has(key)) refused.push(listener);
    else served.set(key, listener);
  }
  return { served, refused };
}
