import { fields, text } from '@portolan/client/registry/decode.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import { nearMisses } from '../near-miss.ts';
import { type ListView, renderList } from '../output/render.ts';
import type { Session } from '../session.ts';

const idView: ListView<string> = {
  columns: [{ title: 'DEREGISTERED', of: (id) => id }],
  name: (id) => id,
  json: (id) => ({ id }),
};

/** `portolan deregister ID…`, or every instance with `--name NAME` that was registered at this server. */
export async function deregister(
  session: Session,
  ids: readonly string[],
  flags: { name?: string },
): Promise<void> {
  if (ids.length > 0 === (flags.name !== undefined)) {
    throw new Fault('invalid', 'deregister: give the IDs of instances, or --name NAME for all of a service');
  }
  const known = await instanceIds(session);
  const chosen =
    flags.name === undefined
      ? ids
      : known.filter(({ service }) => service === flags.name).map(({ id }) => id);
  if (chosen.length === 0) {
    throw missing(
      'service',
      flags.name ?? '',
      known.map(({ service }) => service),
    );
  }
  for (const id of chosen) {
    if (!known.some((instance) => instance.id === id))
      throw missing(
        'instance',
        id,
        known.map((one) => one.id),
      );
  }
  for (const id of chosen) await session.registry.deregister(id, session.signal);
  session.io.out(renderList(chosen, idView, session.render));
}

async function instanceIds(session: Session): Promise<readonly { id: string; service: string }[]> {
  const answer = fields(await session.registry.get('v1/agent/services', session.signal));
  return Object.values(answer).map((entry) => {
    const { ID, Service } = fields(entry);
    return { id: text(ID), service: text(Service) };
  });
}

function missing(what: string, word: string, known: readonly string[]): Fault {
  const near = nearMisses(word, [...new Set(known)]);
  const advice = near.length > 0 ? ` Did you mean ${near.join(' or ')}?` : '';
  return new Fault('not-found', `no ${what} '${word}' is registered at this server.${advice}`);
}
