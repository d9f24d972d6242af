import type { ServiceDefinition } from '../run-service.ts';
import { productIdOf } from './product-id.ts';

/** What is printed on the book. */
export const details: ServiceDefinition = {
  name: 'details',
  version: 'v1',
  handle(path) {
    const id = productIdOf(path, 'details');
    if (id === undefined) return undefined;
    return {
      json: {
        id,
        author: 'William Shakespeare',
        year: 1594,
        type: 'paperback',
        pages: 112,
        publisher: 'Harbour Press',
        language: 'English',
        isbn13: '978-0-000-00000-2',
      },
    };
  },
};
