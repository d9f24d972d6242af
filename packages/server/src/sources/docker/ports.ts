import type { DockerConfig } from './config.ts';
import type { Container } from './container.ts';

/** A port of a container and where it is reached. */
export interface ServicePort {
  /** The container's own. */
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  readonly reached: { readonly address: string; readonly port: number };
}

export interface PortsOfContainer {
  /** In order of number, then protocol. */
  readonly ports: readonly ServicePort[];
  readonly problems: readonly string[];
}

export interface PortOptions {
  readonly config: Pick<DockerConfig, 'ip' | 'internal'>;
  /** The address of this machine. */
  readonly hostAddress: string;
  /** The container in whose network this one is, for `container:` mode. */
  readonly networkOwner: Container | undefined;
}

/** Where the ports of a running container are reached; ports that are not are left out. */
export function portsOf(container: Container, options: PortOptions): PortsOfContainer {
  const problems: string[] = [];
  const ports: ServicePort[] = [];
  for (const key of new Set([...container.exposedPorts, ...container.ports.keys()])) {
    const [number = '', protocol = 'tcp'] = key.split('/', 2);
    const port = Number(number);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) continue;
    if (protocol !== 'tcp' && protocol !== 'udp') {
      problems.push(`port ${key} is left out: only tcp and udp can be registered`);
      continue;
    }
    const reached = reachedAt(container, key, port, options);
    if (reached !== undefined) ports.push({ port, protocol, reached });
  }
  ports.sort((left, right) => left.port - right.port || left.protocol.localeCompare(right.protocol));
  if (ports.length > 0 && ownerIsMissing(container, options)) {
    problems.push('the container whose network it shares has no address: it is not registered');
    return { ports: [], problems };
  }
  return { ports, problems };
}

function reachedAt(
  container: Container,
  key: string,
  port: number,
  { config, hostAddress, networkOwner }: PortOptions,
): ServicePort['reached'] | undefined {
  const mode = container.networkMode;
  const host = config.ip ?? hostAddress;
  if (mode === 'none') return undefined;
  if (mode === 'host' || isInHostNetwork(networkOwner)) return { address: host, port };
  if (isShared(container)) {
    return { address: networkOwner === undefined ? '' : ownAddress(networkOwner), port };
  }
  if (config.internal) {
    const address = ownAddress(container);
    return address === '' ? undefined : { address, port };
  }
  const published = container.ports.get(key)?.[0];
  if (published === undefined) return undefined;
  const bound = isEverywhere(published.address) ? hostAddress : published.address;
  return { address: config.ip ?? bound, port: published.port };
}

/** The id of the container whose network this one shares; undefined: it has its own. */
export function sharedNetworkOf(container: Container): string | undefined {
  return isShared(container) ? container.networkMode.slice('container:'.length) : undefined;
}

function isShared(container: Container): boolean {
  return container.networkMode.startsWith('container:');
}

function isInHostNetwork(container: Container | undefined): boolean {
  return container?.networkMode === 'host';
}

function ownerIsMissing(container: Container, { networkOwner }: PortOptions): boolean {
  if (!isShared(container) || isInHostNetwork(networkOwner)) return false;
  return networkOwner === undefined || ownAddress(networkOwner) === '';
}

/** Docker's default network first, then the one the container was made in, then the first by name. */
function ownAddress(container: Container): string {
  const { networks, networkMode } = container;
  const named = networks.get('bridge')?.address || networks.get(networkMode)?.address;
  if (named) return named;
  const all = [...networks].sort(([left], [right]) => (left < right ? -1 : 1));
  const made = all.find(([, network]) => network.id === networkMode && network.address !== '');
  const any = made ?? all.find(([, network]) => network.address !== '');
  return any?.[1].address ?? '';
}

function isEverywhere(address: string): boolean {
  return address === '' || address === '0.0.0.0' || address === '::';
}
