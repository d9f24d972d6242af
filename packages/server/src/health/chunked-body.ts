const maxSizeLineChars = 256;

/** Takes a chunked body (RFC 9112 §7.1) apart, piece by piece. Text is latin1: one character a byte. */
export class ChunkedBody {
  #state: 'size' | 'data' | 'data-end' | 'trailer' | 'end' | 'broken' = 'size';
  #line = '';
  #left = 0;

  /** Whether nothing more is to come: complete, or broken beyond reading. */
  get ended(): boolean {
    return this.#state === 'end' || this.#state === 'broken';
  }

  /** The content in the next piece of the wire. */
  push(piece: string): string {
    let content = '';
    let at = 0;
    while (at < piece.length && !this.ended) {
      if (this.#state === 'data') {
        const taken = piece.slice(at, at + this.#left);
        content += taken;
        at += taken.length;
        this.#left -= taken.length;
        if (this.#left === 0) this.#state = 'data-end';
        continue;
      }
      const lineEnd = piece.indexOf('\n', at);
      this.#line += lineEnd < 0 ? piece.slice(at) : piece.slice(at, lineEnd);
      at = lineEnd < 0 ? piece.length : lineEnd + 1;
      if (this.#line.length > maxSizeLineChars) this.#state = 'broken';
      else if (lineEnd >= 0) this.#endOfLine();
    }
    return content;
  }

  #endOfLine(): void {
    const line = this.#line.endsWith('\r') ? this.#line.slice(0, -1) : this.#line;
    this.#line = '';
    if (this.#state === 'size') this.#sizeLine(line);
    else if (this.#state === 'data-end') this.#state = line === '' ? 'size' : 'broken';
    else if (line === '') this.#state = 'end';
  }

  #sizeLine(line: string): void {
    const size = /^([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?$/.exec(line)?.[1];
    if (size === undefined) {
      this.#state = 'broken';
      return;
    }
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? 'trailer' : 'data';
  }
}
