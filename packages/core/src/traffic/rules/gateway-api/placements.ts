import { hostsOf } from './hostnames.ts';
import type { Opening } from './listeners.ts';

/** Where routes of HTTP go: a virtual host of a table; `scheme` where only one of the edge's doors is meant. */
export interface Placement {
  readonly table: string;
  readonly host: string;
  readonly scheme: 'http' | 'https' | undefined;
  readonly opening: Opening;
}

/** A host that both doors of the edge have is one placement, so that what is asked there is one route and not two. */
export function placementsOf(
  openings: readonly Opening[],
  hostnames: readonly string[] | undefined,
): Placement[] {
  const placements = new Map<string, Placement>();
  for (const opening of openings) {
    for (const host of hostsOf(opening.hostname, hostnames)) {
      const key = `${opening.table}\0${host}`;
      const known = placements.get(key);
      const scheme = known === undefined || known.scheme === opening.scheme ? opening.scheme : undefined;
      placements.set(key, { table: opening.table, host, scheme, opening: known?.opening ?? opening });
    }
  }
  return [...placements.values()];
}
