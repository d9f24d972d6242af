import type { AnnotationReader } from './reader.ts';

/** RFC 9110 §5.5: visible characters and blanks; anything else could begin another field. Undefined: it is not, which is reported. */
export function headerValue(read: AnnotationReader, name: string, value: string): string | undefined {
  if (/^[\x20-\x7e\t]*$/.test(value)) return value;
  read.report('error', 'annotation-invalid', name, 'it holds characters that no header field may have');
  return undefined;
}

/** RFC 9110 §5.1. */
export function isHeaderName(name: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name);
}
