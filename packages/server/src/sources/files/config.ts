/** The watched directory of manifests. */
export interface FilesConfig {
  readonly directory: string;
}

export const limits = {
  /** Files with manifests, in all subdirectories together. */
  maxFiles: 5_000,
  /** Of subdirectories; symbolic links may go round in circles. */
  maxDepth: 16,
  /** Of all files together. */
  maxBytes: 64 * 1024 * 1024,
  /** Written in one transaction. */
  maxWritesAtOnce: 500,
  /** Directories that are watched; what lies in others is found by looking. */
  maxWatched: 500,
  /** Told, of what is wrong. */
  maxDiagnostics: 500,
  /** An editor writes a file in several steps. */
  quietMs: 100,
  /** However long the steps go on. */
  latestMs: 2_000,
  /** Not every file system tells of changes. */
  lookAgainMs: 5_000,
} as const;
