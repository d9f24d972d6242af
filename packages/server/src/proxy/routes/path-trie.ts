/** One or more characters of a path, and what hangs on the place where they end. */
class TrieNode<T> {
  label: string;
  readonly values: T[] = [];
  readonly children = new Map<number, TrieNode<T>>();

  constructor(label: string) {
    this.label = label;
  }
}

/** Values by prefix of text. A look-up passes each character of the path once, whatever the number of prefixes; it makes nothing. */
export class PathTrie<T> {
  readonly #root = new TrieNode<T>('');

  add(prefix: string, value: T): void {
    let node = this.#root;
    let at = 0;
    while (at < prefix.length) {
      const child = node.children.get(prefix.charCodeAt(at));
      if (child === undefined) {
        const leaf = new TrieNode<T>(prefix.slice(at));
        node.children.set(prefix.charCodeAt(at), leaf);
        node = leaf;
        break;
      }
      const shared = sharedLength(child.label, prefix, at);
      node = shared === child.label.length ? child : split(node, child, shared);
      at += shared;
    }
    node.values.push(value);
  }

  /** Calls `visit` with the values of every prefix of `path`, the shortest first. */
  along<C>(path: string, context: C, visit: (values: readonly T[], context: C) => void): void {
    let node = this.#root;
    let at = 0;
    for (;;) {
      if (node.values.length > 0) visit(node.values, context);
      if (at >= path.length) return;
      const child = node.children.get(path.charCodeAt(at));
      if (child === undefined || !path.startsWith(child.label, at)) return;
      at += child.label.length;
      node = child;
    }
  }
}

function sharedLength(label: string, prefix: string, at: number): number {
  let length = 0;
  while (length < label.length && label.charCodeAt(length) === prefix.charCodeAt(at + length)) length++;
  return length;
}

/** A node of the first `length` characters between `parent` and `child`. */
function split<T>(parent: TrieNode<T>, child: TrieNode<T>, length: number): TrieNode<T> {
  const upper = new TrieNode<T>(child.label.slice(0, length));
  parent.children.set(upper.label.charCodeAt(0), upper);
  child.label = child.label.slice(length);
  upper.children.set(child.label.charCodeAt(0), child);
  return upper;
}
