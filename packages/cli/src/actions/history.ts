import { Fault } from '@portolan/core/base/fault.ts';
import { printable } from '../output/printable.ts';
import { type ListView, renderJson, renderList, renderRecord } from '../output/render.ts';
import { renderYaml } from '../output/yaml.ts';
import type { Session } from '../session.ts';
import { author } from './apply-request.ts';
import { pathOfWords } from './delete.ts';
import { type ResourceKey, titleOf } from './resource-kinds.ts';

interface Version {
  readonly revision: number;
  readonly version: number;
  readonly time: string;
  readonly by: string;
  readonly action: string;
  readonly current: boolean;
}

const versionView: ListView<Version> = {
  columns: [
    { title: 'REVISION', of: ({ revision }) => String(revision) },
    { title: 'TIME', of: ({ time }) => time.replace(/\.\d+Z$/, 'Z') },
    { title: 'ACTION', of: ({ action }) => action },
    { title: 'BY', of: ({ by }) => by },
    { title: 'CURRENT', of: ({ current }) => (current ? 'yes' : '') },
  ],
  name: ({ revision }) => String(revision),
  json: (version) => version,
};

interface HistoryFlags {
  readonly namespace?: string;
  readonly revision?: string;
}

/** `portolan history KIND NAME`: its versions, the newest first; with `--revision` the manifest as it was then. */
export async function history(
  session: Session,
  word: string,
  name: string,
  flags: HistoryFlags,
): Promise<void> {
  const path = pathOfWords(word, name, flags.namespace);
  if (flags.revision !== undefined) {
    const at = revisionOf(flags.revision, '--revision');
    const { manifest } = (await session.registry.get(`${path}/history/${at}`, session.signal)) as {
      manifest: unknown;
    };
    if (manifest === null) throw new Fault('not-found', `${name} was deleted at revision ${at}`);
    session.io.out(session.render.format === 'json' ? renderJson(manifest) : renderYaml(manifest));
    return;
  }
  session.io.out(renderList(await versionsAt(session, path), versionView, session.render));
}

async function versionsAt(session: Session, path: string): Promise<readonly Version[]> {
  const answer = (await session.registry.get(`${path}/history`, session.signal)) as {
    versions: readonly Version[];
  };
  return answer.versions;
}

interface RollbackFlags {
  readonly namespace?: string;
  readonly toRevision?: string;
  readonly force: boolean;
}

/** `portolan rollback KIND NAME`: to the version before the current one, or to `--to-revision`. */
export async function rollBack(
  session: Session,
  word: string,
  name: string,
  flags: RollbackFlags,
): Promise<void> {
  const path = pathOfWords(word, name, flags.namespace);
  const to =
    flags.toRevision === undefined
      ? versionBefore(await versionsAt(session, path), name)
      : revisionOf(flags.toRevision, '--to-revision');
  const answer = (await session.registry.send({
    method: 'POST',
    path: `${path}/rollback`,
    query: { to, by: author(), force: flags.force ? 'true' : undefined },
    repeatable: false,
    signal: session.signal,
  })) as { key: ResourceKey; outcome: string; revision: number };
  const { render, io } = session;
  if (render.format === 'table' || render.format === 'wide') {
    const said = answer.outcome === 'unchanged' ? 'is already as it was' : 'is again as it was';
    io.out(`${printable(titleOf(answer.key))} ${said} at revision ${to}\n`);
  } else io.out(renderRecord([], answer, `${answer.key.kind.toLowerCase()}/${name}`, render));
}

/** The newest that is not the current one; where it is deleted, the last one that was there. */
function versionBefore(versions: readonly Version[], name: string): number {
  const current = versions.findIndex(({ current }) => current);
  const before = versions.slice(current + 1).find(({ action }) => action !== 'deleted');
  if (before === undefined)
    throw new Fault('not-found', `${name} has no earlier version: 'portolan history' shows what there is`);
  return before.revision;
}

function revisionOf(text: string, flag: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new Fault('invalid', `${flag}: '${text}' is no revision; 'portolan history' shows them`, {
    path: flag,
  });
}
