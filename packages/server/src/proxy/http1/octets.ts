/** The octets that the codec speaks of by name. */
export const octet = {
  tab: 0x09,
  lf: 0x0a,
  cr: 0x0d,
  space: 0x20,
  quote: 0x22,
  percent: 0x25,
  star: 0x2a,
  dot: 0x2e,
  slash: 0x2f,
  colon: 0x3a,
  semicolon: 0x3b,
  equals: 0x3d,
  question: 0x3f,
  backslash: 0x5c,
} as const;

/** RFC 9110 §5.6.2 `tchar`. */
export const tokenOctet = 1;
/** RFC 9110 §5.5 `field-vchar`, SP and HTAB: everything a field value may hold. */
export const valueOctet = 2;
/**
 * What a request target may hold: visible ASCII without `"`, `#`, `<` and `>`. Wider than RFC 3986 by the five that
 * browsers leave as they are in queries (`\ ^ { | }` and the backtick); the path refuses the backslash later.
 */
export const targetOctet = 4;
/** In a path, the octets that may make it differ from its canonical form: `%`, `\`, and `.` after a slash. */
export const pathOctet = 8;
/** Host names in canonical form: lower-case letters, digits, `-`, `.`, `_`, `~`. */
export const hostOctet = 16;

/** For each octet the classes it belongs to. */
export const octetClass: Uint8Array = buildClasses();

function buildClasses(): Uint8Array {
  const classes = new Uint8Array(256);
  const add = (text: string, bit: number): void => {
    for (const character of text) {
      const code = character.charCodeAt(0);
      classes[code] = (classes[code] ?? 0) | bit;
    }
  };
  const lower = 'abcdefghijklmnopqrstuvwxyz';
  const digits = '0123456789';
  add(`${lower}${lower.toUpperCase()}${digits}!#$%&'*+-.^_\`|~`, tokenOctet);
  add(`${lower}${digits}-._~`, hostOctet);
  add('%\\.', pathOctet);
  for (let code = 0; code < 256; code++) {
    const visible = code > 0x20 && code < 0x7f;
    const text = String.fromCharCode(code);
    if (visible || code >= 0x80 || text === ' ' || text === '\t') add(text, valueOctet);
    if (visible && !'"#<>'.includes(text)) add(text, targetOctet);
  }
  return classes;
}
