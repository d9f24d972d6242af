import { limit, maxLength } from './define.ts';

/** Lines of at most `width` characters, broken at spaces; words that are longer are cut only with `cutsWords`. */
export function wrapText(subject: string, width: number, by: string, cutsWords: boolean): string {
  const size = Math.max(1, width);
  const separator = by === '' ? '\n' : by;
  limit('wrap', subject.length + (subject.length / size) * separator.length, maxLength);
  let text = '';
  let at = 0;
  while (subject.length - at > size) {
    if (subject[at] === ' ') {
      at++;
      continue;
    }
    const end = lineEnd(subject, at, size, cutsWords);
    if (end === undefined) break;
    text += subject.slice(at, end) + separator;
    at = subject[end] === ' ' ? end + 1 : end;
  }
  return text + subject.slice(at);
}

/** Undefined: the rest is one line. */
function lineEnd(subject: string, at: number, size: number, cutsWords: boolean): number | undefined {
  const space = subject.lastIndexOf(' ', at + size);
  if (space >= at) return space;
  if (cutsWords) return at + size;
  const next = subject.indexOf(' ', at + size);
  return next === -1 ? undefined : next;
}
