import { serviceEnvironment } from '@portolan/client/discovery/environment.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Session } from '../session.ts';

/** `portolan env`: the variables of the given services, or of all, one `NAME=value` a line, quoted for a shell. */
export async function showEnvironment(session: Session, services: readonly string[]): Promise<void> {
  const variables = await environmentOf(session, services);
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${shellQuoted(value)}\n`);
  session.io.out(
    session.render.format === 'json' ? `${JSON.stringify(variables, null, 2)}\n` : lines.join(''),
  );
}

/** The variables of the given services, or of all. Rejects with `not-found` where one that is named has no passing instance. */
export async function environmentOf(
  session: Session,
  services: readonly string[],
): Promise<Record<string, string>> {
  const names =
    services.length > 0 ? services : [...(await session.registry.services(session.signal)).keys()];
  const variables: Record<string, string> = {};
  for (const name of names) {
    const { instances } = await session.registry.instances(name, {
      passingOnly: true,
      signal: session.signal,
    });
    if (instances.length === 0 && services.length > 0) {
      throw new Fault(
        'not-found',
        `no instance of '${name}' is passing; 'portolan services ${name} -o wide' shows why.`,
      );
    }
    Object.assign(variables, serviceEnvironment(name, instances));
  }
  return variables;
}

function shellQuoted(value: string): string {
  return /^[\w./:@[\]-]*$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
