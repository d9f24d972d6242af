/**
 * What both of a listener and a route let in: undefined = nothing. `*.suffix` is a suffix of any depth here, as in the model;
 * undefined on either side is everything.
 */
export function intersection(listener: string | undefined, route: string | undefined): string | undefined {
  const left = listener === undefined || listener === '' ? '*' : listener.toLowerCase();
  const right = route === undefined || route === '' ? '*' : route.toLowerCase();
  if (left === right || left === '*') return right;
  if (right === '*') return left;
  if (covers(left, right)) return right;
  return covers(right, left) ? left : undefined;
}

/** Whether every name of `narrow` is one of `wide`. `*.example.com` has `a.example.com`, not `example.com`. */
function covers(wide: string, narrow: string): boolean {
  if (!wide.startsWith('*.')) return false;
  const suffix = wide.slice(1);
  return (narrow.startsWith('*') ? narrow.slice(1) : narrow).endsWith(suffix) && narrow !== suffix.slice(1);
}

/** For each of the route's names what the listener lets in; no names: all that the listener has. */
export function hostsOf(listener: string | undefined, names: readonly string[] | undefined): string[] {
  const wanted: readonly (string | undefined)[] = names?.length ? names : [undefined];
  const hosts = wanted.map((name) => intersection(listener, name)).filter((host) => host !== undefined);
  return [...new Set(hosts)];
}
