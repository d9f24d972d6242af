import { RE2JS } from 're2js';

/**
 * Whether a text matches somewhere. Go's expressions, in time linear in the text: patterns come from the network. Throws for one that
 * cannot be.
 */
export function linearRegex(pattern: string): (text: string) => boolean {
  const compiled = RE2JS.compile(pattern);
  return (text) => compiled.matcher(text).find();
}

/** The first match: the whole, then its groups ('' where one took no part). Undefined: there is none. */
export function linearGroups(pattern: string): (text: string) => readonly string[] | undefined {
  const compiled = RE2JS.compile(pattern);
  return (text) => {
    const matcher = compiled.matcher(text);
    if (!matcher.find()) return undefined;
    return Array.from({ length: matcher.groupCount() + 1 }, (_, group) => matcher.group(group) ?? '');
  };
}
