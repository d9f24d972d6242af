/**
 * 64 bits of a text as 16 hexadecimal digits, the same everywhere: for names of what has equal content. Not for security: whoever
 * chooses both texts can make two that collide. Two FNV-1a of 32 bits (RFC 9923) with different starts over the UTF-16 code units.
 */
export function textDigest(text: string): string {
  return hex(fnv(text, 0x811c9dc5)) + hex(fnv(text, 0x2f0b4c47));
}

/** 32 bits of a text. */
export function textHash(text: string): number {
  return fnv(text, 0x811c9dc5);
}

function fnv(text: string, start: number): number {
  let hash = start;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  // Without it the last characters hardly reach the high bits.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
