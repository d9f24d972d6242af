import type { ServiceInstance } from '@portolan/client/registry/decode.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import { nearMisses } from '../near-miss.ts';
import { instanceView } from '../output/instance-view.ts';
import { type ListView, renderList } from '../output/render.ts';
import type { Session } from '../session.ts';

interface ServiceRow {
  readonly name: string;
  readonly tags: readonly string[];
  readonly passing: number;
  readonly instances: number;
}

const serviceView: ListView<ServiceRow> = {
  columns: [
    { title: 'NAME', of: ({ name }) => name },
    {
      title: 'PASSING',
      of: ({ passing, instances }) => `${passing}/${instances}`,
      paint: (colors, { passing, instances }, text) =>
        passing === instances ? colors.green(text) : passing === 0 ? colors.red(text) : colors.yellow(text),
    },
    { title: 'TAGS', of: ({ tags }) => tags.join(',') },
  ],
  name: ({ name }) => name,
  json: (row) => row,
};

/** At once: enough to hide the round trips, too few to trouble the server. */
const maxConcurrent = 16;

/** `portolan services` */
export async function listServices(session: Session): Promise<void> {
  const services = await session.registry.services(session.signal);
  const names = Array.from(services.keys()).sort();
  // Names alone need one question, not one for each service.
  const counts = session.render.format === 'name' ? new Map() : await countInstances(session, names);
  const rows = names.map((name) => ({
    name,
    tags: services.get(name) ?? [],
    ...(counts.get(name) ?? { passing: 0, instances: 0 }),
  }));
  session.io.out(renderList(rows, serviceView, session.render));
  if (rows.length === 0) session.io.err('No services are registered.\n');
}

type Counts = Pick<ServiceRow, 'passing' | 'instances'>;

async function countInstances(session: Session, names: readonly string[]): Promise<Map<string, Counts>> {
  const counts = new Map<string, Counts>();
  const queue = names.values();
  const work = async (): Promise<void> => {
    for (const name of queue) {
      const { instances } = await session.registry.instances(name, { signal: session.signal });
      counts.set(name, {
        passing: instances.filter(({ health }) => health === 'passing').length,
        instances: instances.length,
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(maxConcurrent, names.length) }, work));
  return counts;
}

/** `portolan services NAME` */
export async function listInstances(session: Session, service: string): Promise<void> {
  const { instances } = await session.registry.instances(service, { signal: session.signal });
  if (instances.length === 0) throw await unknownService(session, service);
  session.io.out(renderList(byId(instances), instanceView, session.render));
}

export function byId(instances: readonly ServiceInstance[]): readonly ServiceInstance[] {
  return instances.toSorted(
    (left, right) => left.id.localeCompare(right.id) || left.node.localeCompare(right.node),
  );
}

/** The fault for a service that has no instance, with the names that were perhaps meant. */
export async function unknownService(session: Session, service: string): Promise<Fault> {
  const known = Array.from((await session.registry.services(session.signal)).keys());
  const near = nearMisses(service, known);
  const advice =
    near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `'portolan services' lists them all.`;
  return new Fault('not-found', `no service '${service}' is registered. ${advice}`);
}
