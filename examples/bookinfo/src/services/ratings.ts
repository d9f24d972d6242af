import type { ServiceDefinition } from '../run-service.ts';
import { productIdOf } from './product-id.ts';

/** Stars by reviewer. */
export const ratings: ServiceDefinition = {
  name: 'ratings',
  version: 'v1',
  handle(path) {
    const id = productIdOf(path, 'ratings');
    return id === undefined ? undefined : { json: { id, ratings: { Reviewer1: 5, Reviewer2: 4 } } };
  },
};
