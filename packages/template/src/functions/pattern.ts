/** Whether `name` is what `pattern` says, where `*` stands for anything. */
export function matchesPattern(pattern: string, name: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return pattern === name;
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length)
    return false;
  let at = first.length;
  return rest.every((piece) => {
    const found = name.indexOf(piece, at);
    at = found + piece.length;
    return found !== -1 && at <= name.length - last.length;
  });
}
