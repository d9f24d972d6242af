import type { CatalogReader, ServiceView } from '../catalog/reader.ts';
import { clusterNameOf, hostOf, type ServiceKey, wantedPortOf } from './derived-names.ts';
import { type EndpointSet, endpointsOf, noEndpoints } from './endpoints.ts';
import type { Diagnostic } from './model.ts';
import type { OwnListeners } from './own-listeners.ts';

/** What one service, looked at alone, brings into the model. Who gets a name that two services want is decided after it. */
export interface ServicePlan {
  readonly clusterName: string;
  /** Whether any of its instances has a port. */
  readonly hasCluster: boolean;
  readonly endpoints: EndpointSet;
  /** The host name it wants; undefined: none, or it has no port to send requests to. */
  readonly host: string | undefined;
  /** The server name under which TLS is passed through to it. */
  readonly serverName: string | undefined;
  /** The port of the gateway that it wants. */
  readonly port: number | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

export interface ServicePlanOptions {
  readonly gatewayDomain: string;
  readonly own: OwnListeners;
  readonly minTcpPort: number;
}

/** Tags that expose a service at the gateway, as the usual consul-template set-ups have them. */
const httpTag = 'http';
const tcpTag = 'tcp';
const tlsTag = 'tls';

const none: readonly Diagnostic[] = Object.freeze([]);

/** The tags count when any instance has them; all instances of the service belong to the cluster then, tagged or not. */
export function planService(
  catalog: CatalogReader,
  service: ServiceView,
  options: ServicePlanOptions,
  previous: ServicePlan | undefined,
): ServicePlan {
  const endpoints = endpointsOf(catalog, service, previous?.endpoints ?? noEndpoints, options.own);
  const clusterName = previous?.clusterName ?? clusterNameOf(service.namespace, service.name);
  const found: Diagnostic[] = [];
  const report = (severity: Diagnostic['severity'], code: string, message: string) => {
    found.push({ severity, code, subject: subjectOf(`${service.namespace}/${service.name}`), message });
  };
  if (endpoints.withoutAddress > 0) {
    report(
      'warning',
      'instance-without-address',
      `${endpoints.withoutAddress} of its instances have no address, and their nodes have none either: they get no traffic`,
    );
  }
  if (endpoints.denied > 0) {
    report(
      'error',
      'denied-address',
      `${endpoints.denied} of its instances are at link-local, multicast, unspecified or metadata addresses, to which nothing is sent: register the address at which they really are`,
    );
  }
  const tags = service.tags();
  const isHttp = tags.includes(httpTag);
  const isTcp = tags.includes(tcpTag);
  const isTls = tags.includes(tlsTag);
  // Every server is registered as an instance of `consul`: nothing is wrong until somebody asks for requests to go there.
  if (endpoints.ourselves > 0 && (isHttp || isTcp || isTls)) {
    report(
      'error',
      'own-listener-address',
      `${endpoints.ourselves} of its instances are at the address of one of this server's own listeners: requests would go in a circle, so none are sent there`,
    );
  }
  if ((isHttp || isTcp || isTls) && !endpoints.hasPort) {
    report(
      'warning',
      'service-without-port',
      'it is tagged for the gateway, but none of its instances has a port',
    );
  }
  const host = (isHttp || isTls) && endpoints.hasPort ? wantedHost(service, options, report) : undefined;
  return {
    clusterName,
    hasCluster: endpoints.hasPort,
    endpoints,
    host: isHttp ? host : undefined,
    serverName: isTls ? host : undefined,
    port: isTcp && endpoints.hasPort ? wantedPort(catalog, service, options, report) : undefined,
    diagnostics: found.length === 0 ? none : found,
  };
}

/** How a diagnostic names a service. */
export function subjectOf(key: ServiceKey): string {
  return `service/${key}`;
}

type Report = (severity: Diagnostic['severity'], code: string, message: string) => void;

function wantedHost(service: ServiceView, options: ServicePlanOptions, report: Report): string | undefined {
  const host = hostOf(service.namespace, service.name, options.gatewayDomain);
  if (host === undefined) {
    report(
      'warning',
      'host-name-invalid',
      'it is tagged http or tls, but its name cannot be part of a host name (letters, digits and inner hyphens, at most 63 between dots): rename it to expose it',
    );
  }
  return host;
}

function wantedPort(
  catalog: CatalogReader,
  service: ServiceView,
  options: ServicePlanOptions,
  report: Report,
): number | undefined {
  const wanted = wantedPortOf(service.name);
  switch (wanted.type) {
    case 'none':
      report(
        'info',
        'tcp-port-missing',
        'it is tagged tcp, but its name does not end in -PORT: no port is opened for it',
      );
      return undefined;
    case 'out-of-range':
      report(
        'error',
        'tcp-port-invalid',
        `it asks for port ${wanted.text}, which is not between 1 and 65535`,
      );
      return undefined;
    case 'port':
      if (wanted.port < options.minTcpPort) {
        report(
          'error',
          'tcp-port-denied',
          `it asks for port ${wanted.port}, and services may only open ${options.minTcpPort} and above: rename it, or set gateway.min-tcp-port`,
        );
        return undefined;
      }
      if (options.own.hasPort(wanted.port)) {
        report(
          'error',
          'tcp-port-reserved',
          `it asks for port ${wanted.port}, which is one of the server's own listeners`,
        );
        return undefined;
      }
      if (takesPortOfOwnInstance(catalog, service, wanted.port, options.own)) {
        report(
          'error',
          'tcp-port-of-instance',
          `one of its instances listens on port ${wanted.port} where the gateway would open it: while that restarts the gateway would take its place, so the port is not opened; use another port or address for the instance`,
        );
        return undefined;
      }
      return wanted.port;
  }
}

/** Also instances that are down: their port must be free when they come back. */
function takesPortOfOwnInstance(
  catalog: CatalogReader,
  service: ServiceView,
  port: number,
  own: OwnListeners,
): boolean {
  for (const { record } of service.instances()) {
    if (record.port !== port) continue;
    const address =
      record.address === '' ? (catalog.node(record.node)?.record.address ?? '') : record.address;
    if (address !== '' && own.doorCovers(address)) return true;
  }
  return false;
}
