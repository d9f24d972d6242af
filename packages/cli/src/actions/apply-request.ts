import { hostname, userInfo } from 'node:os';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Session } from '../session.ts';
import type { ManifestFile } from './manifest-files.ts';
import type { ResourceKey } from './resource-kinds.ts';

/** What `POST /portolan/v1/apply` answers. */
export interface ApplyAnswer {
  readonly revision: number;
  readonly results: readonly ApplyResult[];
  readonly effect?: Effect;
}

export interface ApplyResult {
  readonly key?: ResourceKey;
  readonly outcome: 'created' | 'updated' | 'unchanged' | 'deleted' | 'refused' | 'skipped';
  readonly problems: readonly Problem[];
  readonly diagnostics?: readonly Diagnostic[];
  /** Only of a dry run. */
  readonly before?: object;
  readonly after?: object;
}

export interface Problem {
  readonly severity: 'error' | 'warning' | 'info';
  readonly code: string;
  readonly message: string;
  readonly suggestion?: string;
  readonly path?: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

export interface Diagnostic {
  readonly severity: 'error' | 'warning' | 'info';
  readonly code: string;
  readonly subject: string;
  readonly message: string;
  readonly path?: string;
}

export type Effect =
  | { readonly planned: false; readonly reason: string }
  | {
      readonly planned: true;
      readonly count: number;
      readonly changes: readonly {
        readonly kind: string;
        readonly name: string;
        readonly change: 'added' | 'removed' | 'changed';
        readonly before?: readonly string[];
        readonly after?: readonly string[];
      }[];
      readonly diagnostics: readonly Diagnostic[];
    };

export interface ApplyFlags {
  readonly namespace?: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

/** What the server takes in one request, but for what is around it. */
const maxRequestChars = 3 * 1024 * 1024;

/** Sends manifests, all together so that the effect is theirs together; what is too much for one request in several. */
export async function sendManifests(
  session: Session,
  files: readonly ManifestFile[],
  flags: ApplyFlags,
): Promise<readonly ApplyAnswer[]> {
  const answers: ApplyAnswer[] = [];
  for (const part of partsOf(files)) {
    const answer = await session.registry.send({
      method: 'POST',
      path: 'portolan/v1/apply',
      query: {
        bundle: 'true',
        namespace: flags.namespace,
        by: author(),
        force: flags.force ? 'true' : undefined,
        dryRun: flags.dryRun ? 'true' : undefined,
      },
      body: JSON.stringify({ files: part }),
      repeatable: false,
      timeoutMs: session.timeoutMs,
      signal: session.signal,
    });
    answers.push(answer as ApplyAnswer);
  }
  return answers;
}

function partsOf(files: readonly ManifestFile[]): readonly (readonly ManifestFile[])[] {
  const parts: ManifestFile[][] = [[]];
  let chars = 0;
  for (const file of files) {
    chars += JSON.stringify(file).length;
    if (chars > maxRequestChars && parts.at(-1)?.length !== 0) {
      parts.push([]);
      chars = 0;
    }
    parts.at(-1)?.push(file);
  }
  return parts;
}

/** `alice@laptop`: for the history, believed by nobody. */
export function author(): string {
  try {
    return `${userInfo().username}@${hostname()}`.slice(0, 255);
  } catch (thrown) {
    // A user id without a name, as containers have it.
    return `uid-${process.getuid?.() ?? Fault.from(thrown).code}@${hostname()}`.slice(0, 255);
  }
}

/** `web.yaml:12:7: error: spec.rules[0].host must be …; write …` */
export function problemText(problem: Problem): string {
  const { file, line, column, severity, path, message, suggestion } = problem;
  const place =
    line === undefined ? (file ?? '') : `${file ?? ''}:${line}${column === undefined ? '' : `:${column}`}`;
  const what = path === undefined ? message : `${path} ${message}`;
  return `${place === '' ? '' : `${place}: `}${severity}: ${what}${suggestion === undefined ? '' : `; ${suggestion}`}`;
}
