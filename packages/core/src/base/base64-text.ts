const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const values: ReadonlyMap<string, number> = new Map(
  [...alphabet].map((character, value) => [character, value]),
);

/** The text whose UTF-8 is `base64` (RFC 4648 §4, blanks ignored, padding optional). Undefined: it is not base64, or not UTF-8. */
export function textFromBase64(base64: string): string | undefined {
  const digits = base64.replaceAll(/\s/g, '').replace(/={0,2}$/, '');
  if (digits.length % 4 === 1) return undefined;
  let escaped = '';
  let bits = 0;
  let held = 0;
  for (const digit of digits) {
    const value = values.get(digit);
    if (value === undefined) return undefined;
    bits = ((bits << 6) | value) & 0xffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    escaped += `%${((bits >> held) & 0xff).toString(16).padStart(2, '0')}`;
  }
  try {
    return decodeURIComponent(escaped);
  } catch {
    return undefined;
  }
}
