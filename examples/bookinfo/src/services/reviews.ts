import type { Call, ServiceDefinition } from '../run-service.ts';
import { productIdOf } from './product-id.ts';

const texts = [
  {
    reviewer: 'Reviewer1',
    text: 'Two pairs of twins, one harbour town, and nobody asks the obvious question. I laughed until the last page.',
  },
  {
    reviewer: 'Reviewer2',
    text: 'Short, loud and cleverly knotted. Not his deepest play, but surely one of his merriest.',
  },
];

/** v1 shows no stars, v2 black ones, v3 red ones. */
export function reviews(version: 'v1' | 'v2' | 'v3'): ServiceDefinition {
  const color = { v1: undefined, v2: 'black', v3: 'red' }[version];
  return {
    name: 'reviews',
    version,
    async handle(path, call) {
      const id = productIdOf(path, 'reviews');
      if (id === undefined) return undefined;
      const stars = color === undefined ? undefined : await starsOf(id, call);
      return {
        json: {
          id,
          version,
          reviews: texts.map((review) =>
            stars === undefined ? review : { ...review, rating: ratingOf(stars, review.reviewer, color) },
          ),
        },
      };
    },
  };
}

/** Stars by reviewer; null while the ratings service does not answer: reviews without stars are better than none. */
async function starsOf(id: number, call: Call): Promise<Map<string, number> | null> {
  try {
    const response = await call(`http://ratings/ratings/${id}`);
    if (!response.ok) return null;
    const body = (await response.json()) as { ratings?: Record<string, number> };
    return new Map(Object.entries(body.ratings ?? {}));
  } catch {
    return null;
  }
}

function ratingOf(stars: Map<string, number> | null, reviewer: string, color: string | undefined): object {
  if (stars === null) return { error: 'the ratings service is not available now' };
  return { stars: stars.get(reviewer) ?? 0, color };
}
