/**
 * The value of the field called `name` (lower case) in `lines` as the codec writes them (`Name: value` CR LF), whatever the case it is
 * written in; repeated ones joined by `, ` (`cookie`: by `; `, RFC 9113 §8.2.3). Undefined: there is none.
 */
export function fieldValue(lines: string, name: string): string | undefined {
  let value: string | undefined;
  let start = 0;
  while (start < lines.length) {
    const end = lineEnd(lines, start);
    if (lines.charCodeAt(start + name.length) === colon && isCalled(lines, start, name)) {
      const one = lines.slice(start + name.length + 2, end);
      value = value === undefined ? one : `${value}${name === 'cookie' ? '; ' : ', '}${one}`;
    }
    start = end + 2;
  }
  return value;
}

/** The names of the fields in `lines`, lower case, in order; repeated ones again. */
export function fieldNames(lines: string): string[] {
  const names: string[] = [];
  for (let start = 0; start < lines.length; start = lineEnd(lines, start) + 2) {
    names.push(lines.slice(start, lines.indexOf(':', start)).toLowerCase());
  }
  return names;
}

/** `lines` without the fields that `drops` says. */
export function withoutFields(lines: string, drops: (lowerName: string) => boolean): string {
  let kept = '';
  let spanStart = 0;
  let start = 0;
  while (start < lines.length) {
    const end = lineEnd(lines, start) + 2;
    if (drops(lines.slice(start, lines.indexOf(':', start)).toLowerCase())) {
      kept += lines.slice(spanStart, start);
      spanStart = end;
    }
    start = end;
  }
  return spanStart === 0 ? lines : kept + lines.slice(spanStart);
}

const colon = 0x3a;

function lineEnd(lines: string, start: number): number {
  const end = lines.indexOf('\r\n', start);
  return end === -1 ? lines.length : end;
}

/** `name` is lower case; the octets of a field name are token characters, for which bit 0x20 only turns capitals into small letters. */
function isCalled(lines: string, start: number, name: string): boolean {
  for (let index = 0; index < name.length; index++) {
    const code = lines.charCodeAt(start + index);
    if (
      code !== name.charCodeAt(index) &&
      !(code >= 0x41 && code <= 0x5a && (code | 0x20) === name.charCodeAt(index))
    )
      return false;
  }
  return true;
}
