const forms = {
  standard: /[^A-Za-z0-9+/]/,
  url: /[^A-Za-z0-9_-]/,
} as const;

/** Go's complaint about what is not padded base64 of that alphabet; undefined: it is. Line ends do not count. */
export function base64Problem(source: string, alphabet: keyof typeof forms): string | undefined {
  const body = source.replace(/[\r\n]/g, '');
  const digits = body.replace(/={0,2}$/, '');
  const wrong = digits.search(forms[alphabet]);
  if (wrong !== -1) return `illegal base64 data at input byte ${wrong}`;
  if (body.length % 4 !== 0 || digits.length % 4 === 1)
    return `illegal base64 data at input byte ${digits.length}`;
  return undefined;
}
