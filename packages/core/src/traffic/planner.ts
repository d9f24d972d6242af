import type { CatalogDelta, CatalogReader } from '../catalog/reader.ts';
import type { Diagnostic, TrafficDelta, TrafficModel } from './model.ts';

/**
 * Turns the catalog into the traffic model, piece by piece: an endpoint's change costs what its service costs, however large
 * the catalog. Deterministic: `rebuild` upon a catalog gives the model that any sequence of `update`s to it gives.
 */
export interface Planner {
  /** Live: the maps are updated in place, their values are frozen and replaced. */
  readonly model: TrafficModel;
  readonly diagnostics: readonly Diagnostic[];
  /** From nothing, at start. */
  rebuild(catalog: CatalogReader): TrafficDelta;
  /** After `delta` was applied to `catalog`. */
  update(catalog: CatalogReader, delta: CatalogDelta): TrafficDelta;
}
