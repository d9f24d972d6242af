import { splitList } from './config.ts';

/** What a container says about the service behind one of its ports. */
export interface ServiceMetadata {
  /** '' where it says none. */
  readonly name: string;
  /** The name was said for this port, not for all. */
  readonly nameIsOfPort: boolean;
  readonly id: string;
  readonly tags: readonly string[];
  readonly ignored: boolean;
  /** Everything else, `check_…` too, by its lower-cased name. */
  readonly rest: ReadonlyMap<string, string>;
}

const prefix = 'SERVICE_';
const ofPort = /^([+-]?\d+)_(.+)$/s;

/**
 * Registrator's rules: `SERVICE_X` of the environment and of the labels, a label winning over a variable; `SERVICE_<port>_X`
 * wins over both for that container port and says nothing about others.
 */
export function serviceMetadata(
  env: readonly string[],
  labels: ReadonlyMap<string, string>,
  port: number,
): ServiceMetadata {
  const found = new Map<string, string>();
  const foundForPort = new Set<string>();
  const take = (name: string, value: string): void => {
    if (!name.startsWith(prefix)) return;
    const key = name.slice(prefix.length).toLowerCase();
    const [, ownPort, ownKey] = ofPort.exec(key) ?? [];
    if (ownKey === undefined) {
      if (!foundForPort.has(key)) found.set(key, value);
    } else if (ownPort === String(port)) {
      found.set(ownKey, value);
      foundForPort.add(ownKey);
    }
  };
  for (const variable of env) {
    const equals = variable.indexOf('=');
    if (equals !== -1) take(variable.slice(0, equals), variable.slice(equals + 1));
  }
  for (const [name, value] of labels) take(name, value);

  const own = (key: string): string => {
    const value = found.get(key) ?? '';
    found.delete(key);
    return value;
  };
  return {
    name: own('name'),
    nameIsOfPort: foundForPort.has('name'),
    id: own('id'),
    tags: splitList(own('tags')),
    ignored: own('ignore') !== '',
    rest: found,
  };
}
