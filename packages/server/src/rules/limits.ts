/** What is read at most. Manifests come from whoever may write, and are parsed in the server's own thread. */
export const readLimits = {
  /** A file, or the body of a request: room for the manifests of a whole application. */
  maxBytes: 4 * 1024 * 1024,
  /** One document, in UTF-16 units; what etcd lets Kubernetes store is 1.5 MiB. About half a second of parsing at the very worst. */
  maxDocumentChars: 1024 * 1024,
  /** In one text, those in lists counted too: an ordinary cluster has hundreds. */
  maxResources: 10_000,
  /** Deeper than any schema; keeps recursion from running out of stack. */
  maxDepth: 64,
  /** Values in one document after its aliases are expanded: a few lines could otherwise stand for gigabytes. */
  maxValues: 200_000,
  /** Problems told for one resource: the first ones say what is wrong. */
  maxProblems: 50,
} as const;
