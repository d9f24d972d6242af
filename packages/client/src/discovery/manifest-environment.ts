import type { Service } from '@portolan/core/rules/kubernetes.ts';
import { variableName } from './environment.ts';

/**
 * The variables of a Service manifest, as the kubelet gives them to the containers of its namespace: `WEB_SERVICE_HOST`,
 * `WEB_SERVICE_PORT` (of the first port), `WEB_SERVICE_PORT_<NAME>` of each, and Docker's links of each. One without a virtual
 * address (headless, ExternalName) has none.
 */
export function manifestEnvironment({ metadata, spec }: Service): Readonly<Record<string, string>> {
  const { clusterIP = '', ports = [], type } = spec;
  const [first] = ports;
  if (type === 'ExternalName' || clusterIP === '' || clusterIP === 'None' || first === undefined) return {};
  const name = variableName(metadata.name);
  const host = clusterIP.includes(':') ? `[${clusterIP}]` : clusterIP;
  const variables: Record<string, string> = {
    [`${name}_SERVICE_HOST`]: clusterIP,
    [`${name}_SERVICE_PORT`]: `${first.port}`,
  };
  for (const { name: portName = '', port } of ports) {
    if (portName !== '') variables[`${name}_SERVICE_PORT_${variableName(portName)}`] = `${port}`;
  }
  for (const one of ports) {
    const protocol = (one.protocol ?? 'TCP').toLowerCase();
    const url = `${protocol}://${host}:${one.port}`;
    const link = `${name}_PORT_${one.port}_${protocol.toUpperCase()}`;
    if (one === first) variables[`${name}_PORT`] = url;
    variables[link] = url;
    variables[`${link}_PROTO`] = protocol;
    variables[`${link}_PORT`] = `${one.port}`;
    variables[`${link}_ADDR`] = clusterIP;
  }
  return variables;
}
