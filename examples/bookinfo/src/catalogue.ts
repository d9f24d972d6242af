import type { ServiceDefinition } from './run-service.ts';
import { details } from './services/details.ts';
import { productpage } from './services/productpage.ts';
import { ratings } from './services/ratings.ts';
import { reviews } from './services/reviews.ts';

/** The six processes of the sample by the name under which they are started. */
export const catalogue: ReadonlyMap<string, ServiceDefinition> = new Map([
  ['productpage', productpage],
  ['details', details],
  ['ratings', ratings],
  ['reviews-v1', reviews('v1')],
  ['reviews-v2', reviews('v2')],
  ['reviews-v3', reviews('v3')],
]);
