import type { ServiceInstance } from '../registry/decode.ts';

/**
 * The variables by which Kubernetes and Docker links tell a process where a service is, for the first of the passing
 * instances in order of id: `MYSQL_SERVICE_HOST`, `MYSQL_SERVICE_PORT`, `MYSQL_PORT_3306_TCP_ADDR` and the rest. A service without
 * instances has none. Source: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
 */
export function serviceEnvironment(
  service: string,
  instances: readonly ServiceInstance[],
): Readonly<Record<string, string>> {
  // An instance without a port is none that could be called.
  const callable = instances.filter(({ port }) => port > 0);
  const first = callable.toSorted((left, right) => (left.id < right.id ? -1 : 1))[0];
  if (first === undefined) return {};
  const name = variableName(service);
  const port = `${first.port}`;
  const protocol = first.tags.includes('udp') ? 'udp' : 'tcp';
  const link = `${name}_PORT_${port}_${protocol.toUpperCase()}`;
  const url = `${protocol}://${hostForUrl(first.address)}:${port}`;
  const portName = first.metadata.port_name ?? (first.tags.includes('http') ? 'http' : undefined);
  return {
    [`${name}_SERVICE_HOST`]: first.address,
    [`${name}_SERVICE_PORT`]: port,
    ...(portName === undefined ? {} : { [`${name}_SERVICE_PORT_${variableName(portName)}`]: port }),
    [`${name}_PORT`]: url,
    [link]: url,
    [`${link}_PROTO`]: protocol,
    [`${link}_PORT`]: port,
    [`${link}_ADDR`]: first.address,
  };
}

/** Upper case, and `_` for whatever a variable's name cannot have. */
export function variableName(name: string): string {
  const upper = name.toUpperCase().replaceAll(/[^A-Z0-9_]/g, '_');
  return /^\d/.test(upper) ? `_${upper}` : upper;
}

function hostForUrl(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
