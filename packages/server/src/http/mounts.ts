import type { HttpHandler } from '../contract.ts';

/** Who answers which part of the path space. */
export interface Mounts {
  /** Throws when `prefix` is taken: two dialects cannot share a door. */
  mount(prefix: string, handler: HttpHandler): void;
  /** The handler of the longest prefix that `url` starts with. */
  find(url: string): HttpHandler | undefined;
}

export function mounts(): Mounts {
  // Longest first. A handful, so a walk is quicker than anything clever.
  const rooms: { readonly prefix: string; readonly handler: HttpHandler }[] = [];
  return {
    mount(prefix, handler) {
      if (rooms.some((room) => room.prefix === prefix))
        throw new Error(`The path ${prefix} is mounted twice.`);
      rooms.push({ prefix, handler });
      rooms.sort((left, right) => right.prefix.length - left.prefix.length);
    },
    find(url) {
      for (const room of rooms) {
        if (url.startsWith(room.prefix)) return room.handler;
      }
      return undefined;
    },
  };
}
