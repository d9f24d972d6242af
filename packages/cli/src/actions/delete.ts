import { Fault } from '@portolan/core/base/fault.ts';
import { exitCodes } from '../exit-codes.ts';
import { printable } from '../output/printable.ts';
import { renderRecord } from '../output/render.ts';
import type { Session } from '../session.ts';
import { tryManifests } from './apply.ts';
import { author } from './apply-request.ts';
import { kindNamed, pathOfKey, type ResourceKey, resourcePath, titleOf } from './resource-kinds.ts';

export interface DeleteFlags {
  readonly filename: readonly string[];
  readonly recursive: boolean;
  readonly namespace?: string;
  readonly force: boolean;
  readonly ignoreNotFound: boolean;
}

/** `portolan delete KIND NAME`, or `-f FILE`: everything that the file names. Exit code 3 where something was not there. */
export async function remove(
  session: Session,
  word: string | undefined,
  names: readonly string[],
  flags: DeleteFlags,
): Promise<void> {
  if (flags.filename.length > 0) {
    if (word !== undefined) throw new Fault('invalid', 'delete: give either a kind and a name, or -f');
    await removeAll(session, await keysIn(session, flags), flags);
    return;
  }
  if (word === undefined || names.length === 0) {
    throw new Fault(
      'invalid',
      "delete: a kind and a name are missing, such as 'portolan delete ingress web'",
    );
  }
  const { apiVersion, kind, namespaced } = kindNamed(word);
  const namespace = namespaced ? (flags.namespace ?? 'default') : '_';
  await removeAll(
    session,
    names.map((name) => ({ apiVersion, kind, namespace, name })),
    flags,
  );
}

async function keysIn(session: Session, flags: DeleteFlags): Promise<readonly ResourceKey[]> {
  const { results } = await tryManifests(session, { ...flags, force: true });
  return results.flatMap(({ key }) => (key === undefined ? [] : [key]));
}

async function removeAll(session: Session, keys: readonly ResourceKey[], flags: DeleteFlags): Promise<void> {
  const { io } = session;
  for (const key of keys) {
    const deleted = await removeOne(session, key, flags);
    if (deleted) {
      const json = { ...key, deleted: true };
      if (session.render.format === 'table' || session.render.format === 'wide')
        io.out(`${printable(titleOf(key))} deleted\n`);
      else io.out(renderRecord([], json, `${key.kind.toLowerCase()}/${key.name}`, session.render));
    } else if (!flags.ignoreNotFound) {
      io.err(`There is no ${printable(titleOf(key))}.\n`);
      io.exitCode = exitCodes.notFound;
    }
  }
}

async function removeOne(session: Session, key: ResourceKey, { force }: DeleteFlags): Promise<boolean> {
  try {
    await session.registry.send({
      method: 'DELETE',
      path: pathOfKey(key),
      query: { by: author(), force: force ? 'true' : undefined },
      signal: session.signal,
    });
    return true;
  } catch (thrown) {
    const fault = Fault.from(thrown);
    if (fault.code === 'not-found') return false;
    throw fault;
  }
}

/** The path of a resource by what was typed. */
export function pathOfWords(word: string, name: string, namespace: string | undefined): string {
  return resourcePath(kindNamed(word), namespace ?? 'default', name);
}
