/** The one product of the sample has id 0: `/details/0`, `/reviews/0` …; undefined for every other path. */
export function productIdOf(path: string, resource: string): number | undefined {
  return path === `/${resource}/0` ? 0 : undefined;
}
