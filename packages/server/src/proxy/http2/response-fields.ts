import type { ResponseHead } from '../http1/response-reader.ts';

/** RFC 9113 §8.2.2. */
export const connectionSpecific: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'http2-settings', 'te'],
]);

/** A response's head as HTTP/2 has it: names in small letters and values, in turn; `:status` first. */
export function responseFields(head: ResponseHead): string[] {
  const fields = [':status', String(head.status)];
  addLines(fields, head.lines);
  if (head.saidLength !== undefined) fields.push('content-length', String(head.saidLength));
  return fields;
}

/** Adds the fields of `lines` (`Name: value` CR LF), but for those that HTTP/2 has none of. */
export function addLines(fields: string[], lines: string): void {
  let start = 0;
  while (start < lines.length) {
    const end = lines.indexOf('\r\n', start);
    const colon = lines.indexOf(':', start);
    const name = lines.slice(start, colon).toLowerCase();
    if (!connectionSpecific.has(name)) fields.push(name, lines.slice(colon + 2, end));
    start = end + 2;
  }
}

/** The same as an object, for where `node:http2` takes nothing else; repeated names have a list. */
export function fieldObject(lines: string): Record<string, string | string[]> {
  const flat: string[] = [];
  addLines(flat, lines);
  const object: Record<string, string | string[]> = Object.create(null);
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index] as string;
    const value = flat[index + 1] as string;
    const before = object[name];
    if (before === undefined) object[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else object[name] = [before, value];
  }
  return object;
}
