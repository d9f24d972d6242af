import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Draft } from '@portolan/core/catalog/draft.ts';
import type { RuleRecord } from '@portolan/core/catalog/records.ts';
import type { Planner } from '@portolan/core/traffic/planner.ts';
import type { Engine } from '../contract.ts';
import { dryRun, type Effect } from './effect.ts';
import type { Problem } from './problem.ts';
import { type ReadOptions, type ReadResource, type ResourceKey, readResources } from './read.ts';
import { type Author, putRule, recordKeyOf, type Written } from './write.ts';

/** What became of one resource of a text. */
export interface Applied {
  readonly key: ResourceKey | undefined;
  /** `refused`: it is wrong, or somebody else's; what there was before it stays. */
  readonly outcome: Written['outcome'] | 'refused' | 'skipped';
  readonly problems: readonly Problem[];
  readonly line: number;
  readonly before: RuleRecord | undefined;
  readonly after: RuleRecord | undefined;
}

export interface AppliedText {
  readonly applied: readonly Applied[];
  /** Only of a dry run. */
  readonly effect?: Effect;
}

/** Reads a text, letting others work between its documents: a large one takes longer than anybody should wait. */
export async function readAll(text: string, options: ReadOptions): Promise<readonly ReadResource[]> {
  const found: ReadResource[] = [];
  let before = performance.now();
  for (const resource of readResources(text, options)) {
    found.push(resource);
    if (performance.now() - before < maxTurnMs) continue;
    await setImmediate();
    before = performance.now();
  }
  return found;
}

/** What a turn of the event loop may take. */
const maxTurnMs = 10;

/** A text with its name, if it has one. */
export interface NamedText {
  readonly file?: string;
  readonly text: string;
}

async function readTexts(
  texts: readonly NamedText[],
  options: Omit<ReadOptions, 'file'>,
): Promise<readonly ReadResource[]> {
  const found: ReadResource[] = [];
  for (const { file, text } of texts) {
    found.push(...(await readAll(text, { ...options, ...(file === undefined ? {} : { file }) })));
  }
  return found;
}

/** Applies every resource of some texts, each on its own: one that is refused keeps none from being written. */
export async function applyTexts(
  engine: Engine,
  texts: readonly NamedText[],
  author: Author,
  options: Omit<ReadOptions, 'file'>,
): Promise<AppliedText> {
  const resources = await readTexts(texts, options);
  // Submitted together they are committed together, in this order.
  const applied = await Promise.all(
    resources.map(async (resource) => {
      const write = writerOf(resource, author);
      return write === undefined
        ? untouched(resource)
        : asApplied(resource, await settled(engine.submit(write)));
    }),
  );
  return { applied };
}

/** The same without writing anything, and what it would do to the traffic. */
export async function applyTextsDry(
  engine: Engine,
  createPlanner: () => Planner,
  texts: readonly NamedText[],
  author: Author,
  options: Omit<ReadOptions, 'file'>,
): Promise<AppliedText> {
  const resources = await readTexts(texts, options);
  const { result, effect } = await dryRun(
    engine,
    createPlanner,
    (draft) =>
      resources.map((resource) => {
        const write = writerOf(resource, author);
        return write === undefined
          ? untouched(resource)
          : asApplied(
              resource,
              attempt(() => write(draft)),
            );
      }),
    (applied) =>
      applied.flatMap(({ key, after }) => (key === undefined || after === undefined ? [] : recordKeyOf(key))),
  );
  return { applied: result, effect };
}

function writerOf(resource: ReadResource, author: Author): ((draft: Draft) => Written) | undefined {
  if (resource.outcome !== 'read') return undefined;
  const { key, manifest, resourceVersion } = resource;
  const options = { ...author, uid: randomUUID(), resourceVersion };
  return (draft) => putRule(draft, key, manifest, options);
}

function untouched({ outcome, key, problems, line }: ReadResource): Applied {
  return {
    key,
    outcome: outcome === 'skipped' ? 'skipped' : 'refused',
    ...{ problems, line, before: undefined, after: undefined },
  };
}

function asApplied(resource: ReadResource, result: Written | Fault): Applied {
  const { key, problems, line } = resource;
  if (!(result instanceof Fault)) return { key, ...result, problems, line };
  // Whatever is wrong with the server itself is wrong for all, and the caller's to hear.
  if (!['conflict', 'invalid', 'too-large', 'denied'].includes(result.code)) throw result;
  const problem: Problem = {
    severity: 'error',
    code: result.code,
    message: result.message,
    line,
    ...(result.path === undefined ? {} : { path: result.path }),
  };
  return {
    key,
    outcome: 'refused',
    problems: [...problems, problem],
    line,
    before: undefined,
    after: undefined,
  };
}

function attempt(work: () => Written): Written | Fault {
  try {
    return work();
  } catch (thrown) {
    return Fault.from(thrown);
  }
}

async function settled(work: Promise<Written>): Promise<Written | Fault> {
  try {
    return await work;
  } catch (thrown) {
    return Fault.from(thrown);
  }
}
