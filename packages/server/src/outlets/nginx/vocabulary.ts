import type { Cluster } from '@portolan/core/traffic/model.ts';
import type { Bind } from '../../contract.ts';

/** What all parts of the translation need to know. */
export interface Vocabulary {
  /** Clusters that have an upstream. */
  readonly usable: ReadonlyMap<string, Cluster>;
  readonly listen: Bind;
  readonly ownsDefault: boolean;
  readonly report: (problem: string) => void;
}
