/** RFC 1123 §2.1, and `_`, which SRV-like names and container names have. */
const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i;

/** Whether the text is a host name: labels of letters, digits, `-` and `_`, at most 253 octets (RFC 1035 §2.3.4), a last dot allowed. */
export function isHostName(text: string): boolean {
  const bare = text.endsWith('.') ? text.slice(0, -1) : text;
  return bare.length <= 253 && bare.split('.').every((part) => label.test(part));
}
