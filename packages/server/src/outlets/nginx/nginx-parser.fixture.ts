/** One directive as nginx has read it: escapes undone, variables not looked up. */
export interface Parsed {
  readonly name: string;
  readonly args: readonly string[];
  readonly block: readonly Parsed[] | undefined;
}

/**
 * Reads configuration by the rules of nginx' own reader, written for the tests independently of the writer. Throws where nginx
 * would give up.
 */
export function parseConfiguration(source: string): Parsed[] {
  const reader = new Reader(source);
  const found = reader.directives();
  if (!reader.atEnd) throw new Error('unexpected "}"');
  return found;
}

class Reader {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  get atEnd(): boolean {
    return this.#at >= this.#source.length;
  }

  directives(): Parsed[] {
    const found: Parsed[] = [];
    for (;;) {
      this.#skipBlank();
      if (this.atEnd || this.#source[this.#at] === '}') return found;
      found.push(this.#directive());
    }
  }

  #directive(): Parsed {
    const words: string[] = [];
    for (;;) {
      this.#skipBlank();
      const next = this.#source[this.#at];
      if (next === undefined) throw new Error('unexpected end of file');
      if (next === ';' || next === '{') {
        if (words.length === 0) throw new Error(`unexpected "${next}"`);
        this.#at += 1;
        const [name = '', ...args] = words;
        return { name, args, block: next === ';' ? undefined : this.#block() };
      }
      if (next === '}') throw new Error('unexpected "}"');
      words.push(next === '"' || next === "'" ? this.#quoted(next) : this.#bare());
    }
  }

  #block(): Parsed[] {
    const found = this.directives();
    if (this.#source[this.#at] !== '}') throw new Error('expecting "}"');
    this.#at += 1;
    return found;
  }

  #quoted(quote: string): string {
    const start = ++this.#at;
    while (this.#source[this.#at] !== quote) {
      if (this.atEnd) throw new Error('a quote is never closed');
      this.#at += this.#source[this.#at] === '\\' ? 2 : 1;
    }
    const value = unescaped(this.#source.slice(start, this.#at));
    this.#at += 1;
    if (!/[\s;{)]/.test(this.#source[this.#at] ?? '')) throw new Error('unexpected character after a quote');
    return value;
  }

  #bare(): string {
    const start = this.#at;
    let afterDollar = false;
    for (; ; this.#at += 1) {
      const character = this.#source[this.#at];
      if (character === undefined) throw new Error('unexpected end of file');
      if (character === '{' && afterDollar) continue;
      afterDollar = character === '$';
      if (character === '\\') this.#at += 1;
      else if (/[ \t\r\n;{]/.test(character)) return unescaped(this.#source.slice(start, this.#at));
    }
  }

  #skipBlank(): void {
    for (;;) {
      const character = this.#source[this.#at];
      if (character === '#') while (!this.atEnd && this.#source[this.#at] !== '\n') this.#at += 1;
      else if (character !== undefined && ' \t\r\n'.includes(character)) this.#at += 1;
      else return;
    }
  }
}

const named: Readonly<Record<string, string>> = { t: '\t', r: '\r', n: '\n' };

/** `\t`, `\r`, `\n`, `\\`, `\"`, `\'`; any other backslash stays. */
function unescaped(raw: string): string {
  return raw.replaceAll(/\\([trn"'\\])/g, (_, character: string) => named[character] ?? character);
}
