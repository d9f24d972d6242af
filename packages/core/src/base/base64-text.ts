const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** By code of a digit, its value; 255 is none. */
const values = new Uint8Array(128).fill(255);
for (let value = 0; value < alphabet.length; value++) values[alphabet.charCodeAt(value)] = value;

/** The text whose UTF-8 is `base64` (RFC 4648 §4, blanks ignored, padding optional). Undefined: it is not base64, or not UTF-8. */
export function textFromBase64(base64: string): string | undefined {
  const digits = base64.replaceAll(/\s/g, '').replace(/={0,2}$/, '');
  if (digits.length % 4 === 1) return undefined;
  const octets = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let bits = 0;
  let held = 0;
  let length = 0;
  for (let at = 0; at < digits.length; at++) {
    const value = values[digits.charCodeAt(at)] ?? 255;
    if (value === 255) return undefined;
    bits = ((bits << 6) | value) & 0xffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    octets[length++] = (bits >> held) & 0xff;
  }
  return octets.every((octet) => octet < 128) ? asciiText(octets) : utf8Text(octets);
}

/** Arguments of one call; more would not fit the stack. */
const chunk = 4_096;

function asciiText(octets: Uint8Array): string {
  let text = '';
  for (let at = 0; at < octets.length; at += chunk)
    text += String.fromCharCode(...octets.subarray(at, at + chunk));
  return text;
}

/** RFC 3629, by the one decoder that the language has. */
function utf8Text(octets: Uint8Array): string | undefined {
  let escaped = '';
  for (const octet of octets) escaped += `%${octet.toString(16).padStart(2, '0')}`;
  try {
    return decodeURIComponent(escaped);
  } catch {
    return undefined;
  }
}
