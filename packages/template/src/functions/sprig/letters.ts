/** Words and their letters, as sprig cuts and writes them. */

/** Go's `strings.Title`: a letter after anything that is no letter, digit or underscore. */
export function titleCase(subject: string): string {
  return subject.replace(
    /(^|[^\p{L}\p{N}_])(\p{Ll})/gu,
    (_, before: string, letter: string) => before + letter.toUpperCase(),
  );
}

export function uncapitalized(subject: string): string {
  return subject.replace(
    /(^|\s)(\p{L})/gu,
    (_, before: string, letter: string) => before + letter.toLowerCase(),
  );
}

/** Small letters become large where a word begins, and everywhere else; large ones become small. */
export function swapCase(subject: string): string {
  return subject.replace(/\p{L}/gu, (letter) =>
    letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase(),
  );
}

/** A word is an acronym, a capitalised or a small one, with the digits after it unless small letters follow those. */
const pieces =
  /(?:\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+)(?:\p{Nd}+(?![\p{Ll}\p{Nd}]))?|\p{Nd}+\p{Ll}*|[_\-\s]|[^\p{Lu}\p{Ll}\p{Nd}_\-\s]+/gu;
const isWord = /^[\p{Lu}\p{Ll}\p{Nd}]/u;

function joined(subject: string, by: string): string {
  let text = '';
  let afterWord = false;
  for (const piece of subject.match(pieces) ?? []) {
    const word = isWord.test(piece);
    if (word && afterWord) text += by;
    text += /^[_\-\s]$/.test(piece) ? by : piece.toLowerCase();
    afterWord = word;
  }
  return text;
}

export function snakeCase(subject: string): string {
  return joined(subject, '_');
}

export function kebabCase(subject: string): string {
  return joined(subject, '-');
}

/** Separators at either end stay, those between words go. */
export function pascalCase(subject: string): string {
  const [, before = '', middle = '', after = ''] = /^([_\-\s]*)(.*?)([_\-\s]*)$/su.exec(subject) ?? [];
  return (
    before +
    middle
      .split(/[_\-\s]+/u)
      .map(capitalized)
      .join('') +
    after
  );
}

/** A run of capitals keeps only its first. */
function capitalized(word: string): string {
  const [first = ''] = word;
  const large = first.toUpperCase() + word.slice(first.length);
  return large.replace(/(?<=\p{Lu})\p{Lu}+/gu, (run) => run.toLowerCase());
}
