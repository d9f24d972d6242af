import type { AnyManifest } from '@portolan/core/rules/rule.ts';
import type { Problem } from '../../rules/problem.ts';
import type { ReadResource, ResourceKey } from '../../rules/read.ts';
import { nameOf, recordKeyOf } from '../../rules/write.ts';

/** What a file holds, or why it could not be read. */
export type FileContent =
  | { readonly path: string; readonly resources: readonly ReadResource[] }
  | { readonly path: string; readonly reason: string };

export interface WantedRule {
  readonly key: ResourceKey;
  readonly manifest: AnyManifest;
  readonly path: string;
  readonly line: number;
}

/** A problem, and whose it is: a resource's, or else a file's. */
export interface FileProblem {
  readonly problem: Problem;
  readonly key: ResourceKey | undefined;
  readonly path: string;
}

/** What the files want there to be. */
export interface Wanted {
  /** By the key of their record. */
  readonly rules: ReadonlyMap<string, WantedRule>;
  /** Records that stay as they are, because what is written for them now is wrong. */
  readonly kept: ReadonlySet<string>;
  /** Files of which everything stays that came from them: something in them could not be made out at all. */
  readonly keptFiles: ReadonlySet<string>;
  readonly problems: readonly FileProblem[];
}

/** All files together. Of two manifests for one resource the first counts, in order of path and line. */
export function wantedOf(files: readonly FileContent[]): Wanted {
  const rules = new Map<string, WantedRule>();
  const kept = new Set<string>();
  const keptFiles = new Set<string>();
  const problems: FileProblem[] = [];
  for (const file of files) {
    const { path } = file;
    if ('reason' in file) {
      keptFiles.add(path);
      const problem = {
        severity: 'error',
        code: 'unreadable',
        message: `The file ${file.reason}.`,
        file: path,
      } as const;
      problems.push({ problem, key: undefined, path });
      continue;
    }
    for (const resource of file.resources) {
      const { key, line } = resource;
      for (const problem of resource.problems) problems.push({ problem, key, path });
      if (resource.outcome === 'skipped') continue;
      if (key === undefined) {
        keptFiles.add(path);
        continue;
      }
      const recordKey = recordKeyOf(key);
      if (resource.outcome === 'refused') {
        kept.add(recordKey);
        continue;
      }
      const first = rules.get(recordKey);
      if (first === undefined) rules.set(recordKey, { key, manifest: resource.manifest, path, line });
      else problems.push({ problem: twin(key, first, path, line), key, path });
    }
  }
  return { rules, kept, keptFiles, problems };
}

function twin(key: ResourceKey, first: WantedRule, file: string, line: number): Problem {
  return {
    severity: 'error',
    code: 'duplicate',
    message: `${nameOf(key)} is there already, in ${first.path}:${first.line}, which comes first and counts.`,
    ...{ file, line, column: 1 },
  };
}
