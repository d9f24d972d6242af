/**
 * MurmurHash3 (x86, 32 bits) of a string's UTF-16LE octets. Allocates nothing. Not a secret: who chooses the key can choose the
 * endpoint, as with any consistent hash. The same in every process and version: caches behind it depend on that.
 */
export function hashKey(key: string, seed = 0): number {
  const { length } = key;
  let hash = seed | 0;
  for (let at = 0; at + 1 < length; at += 2) {
    hash ^= scrambled(key.charCodeAt(at) | (key.charCodeAt(at + 1) << 16));
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  if (length % 2 === 1) hash ^= scrambled(key.charCodeAt(length - 1));
  return finished(hash ^ (length * 2));
}

function scrambled(block: number): number {
  const mixed = Math.imul(block, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}

function finished(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
