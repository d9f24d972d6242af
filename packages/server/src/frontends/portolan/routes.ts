import { Fault } from '@portolan/core/base/fault.ts';
import type { Handler } from './call.ts';

export interface Route {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Segments; `:name` takes one, a last `*` takes the rest with its slashes. */
  readonly path: string;
  readonly handler: Handler;
  /** Whether a body is read. */
  readonly body?: true;
  /** Default: `maxBodyBytes` of `call.ts`. */
  readonly maxBodyBytes?: number;
}

export interface Match {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

/** A dozen routes: a walk over them is quicker than a tree. */
export function createRoutes(routes: readonly Route[]) {
  const compiled = routes.map((route) => ({ route, pattern: route.path.split('/') }));

  /** All routes of that path, whatever their method. Throws `invalid` for malformed escapes. */
  return (rawPath: string): readonly Match[] => {
    const segments = rawPath.split('/');
    const found: Match[] = [];
    for (const { route, pattern } of compiled) {
      const params = match(pattern, segments);
      if (params !== undefined) found.push({ route, params });
    }
    return found;
  };
}

function match(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  const params = Object.create(null) as Record<string, string>;
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index];
    if (segment === undefined) return undefined;
    if (part === '*') {
      params.rest = decode(segments.slice(index).join('/'));
      return params;
    }
    if (part.startsWith(':')) params[part.slice(1)] = decode(segment);
    else if (part !== segment) return undefined;
  }
  return pattern.length === segments.length ? params : undefined;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new Fault('invalid', 'The path has malformed percent-encoding: it must be UTF-8.', { cause });
  }
}
