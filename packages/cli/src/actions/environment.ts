import { serviceEnvironment } from '@portolan/client/discovery/environment.ts';
import { manifestEnvironment } from '@portolan/client/discovery/manifest-environment.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Service } from '@portolan/core/rules/kubernetes.ts';
import type { Session } from '../session.ts';
import { listResources } from './get.ts';
import { kindNamed } from './resource-kinds.ts';

/** `portolan env`: the variables of the given services, or of all, one `NAME=value` a line, quoted for a shell. */
export async function showEnvironment(
  session: Session,
  services: readonly string[],
  namespace: string | undefined,
): Promise<void> {
  const variables = await environmentOf(session, services, namespace);
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${shellQuoted(value)}\n`);
  session.io.out(
    session.render.format === 'json' ? `${JSON.stringify(variables, null, 2)}\n` : lines.join(''),
  );
}

/**
 * The variables of the given services, or of all. With a namespace, of its Service manifests, at their virtual addresses; and of what is
 * registered and no manifest defines, which is in the namespace `default`. Rejects with `not-found` where one that is named has neither.
 */
export async function environmentOf(
  session: Session,
  services: readonly string[],
  namespace: string | undefined,
): Promise<Record<string, string>> {
  if (namespace === undefined) return registeredEnvironment(session, services);
  const manifests = await listResources(session, kindNamed('service'), { namespace, allNamespaces: false });
  const defined = new Map(manifests.map((one) => [one.metadata.name, one as unknown as Service]));
  const wanted = services.length > 0 ? services : [...defined.keys()].toSorted();
  const variables: Record<string, string> = {};
  for (const name of wanted) {
    const manifest = defined.get(name);
    if (manifest !== undefined) Object.assign(variables, manifestEnvironment(manifest));
    else if (namespace !== 'default') {
      throw new Fault('not-found', `there is no Service '${name}' in namespace '${namespace}'.`);
    }
  }
  if (namespace !== 'default') return variables;
  const candidates =
    services.length > 0 ? services : [...(await session.registry.services(session.signal)).keys()];
  const others = candidates.filter((name) => !defined.has(name));
  // None named would mean all of them.
  if (others.length === 0) return variables;
  return { ...(await registeredEnvironment(session, others, services.length > 0)), ...variables };
}

/** @param required whether each has to have a passing instance */
async function registeredEnvironment(
  session: Session,
  services: readonly string[],
  required = services.length > 0,
): Promise<Record<string, string>> {
  const names =
    services.length > 0 ? services : [...(await session.registry.services(session.signal)).keys()];
  const variables: Record<string, string> = {};
  for (const name of names) {
    const { instances } = await session.registry.instances(name, {
      passingOnly: true,
      signal: session.signal,
    });
    if (instances.length === 0 && required) {
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
