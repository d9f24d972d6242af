import type { GatewayClass, GatewayListener, GatewayResource } from '../../../rules/gateway-api.ts';
import type { RuleOf } from '../../../rules/rule.ts';
import { clusterScope } from '../../../rules/rule-kinds.ts';
import type { ListenerBind } from '../../listener.ts';
import { edgeTable } from '../../route.ts';
import type { PlanContext } from '../contract.ts';
import { gatewayApi, ownControllers, ownName, wellKnownPorts } from './names.ts';

/** A listener of a Gateway as the model has it. */
export interface Opening {
  readonly name: string;
  readonly protocol: 'HTTP' | 'HTTPS' | 'TLS' | 'TCP' | 'UDP';
  readonly port: number;
  readonly hostname: string | undefined;
  readonly bind: ListenerBind;
  /** Virtual hosts of HTTP and HTTPS; TLS hosts of HTTPS and TLS. */
  readonly table: string;
  /** On the built-in edge both doors share a table: its routes are told apart by this. */
  readonly scheme: 'http' | 'https' | undefined;
  readonly passthrough: boolean;
  /** The definition; undefined for the built-in Gateway's. */
  readonly listener: GatewayListener | undefined;
  /** `spec.listeners[0]`. */
  readonly path: string;
}

/** Whether Gateways of a class are ours. */
export function isOurClass(name: string, context: PlanContext): boolean {
  if (name === ownName) return true;
  const defined = context.rule<GatewayClass>(gatewayApi, 'GatewayClass', clusterScope, name);
  return defined !== undefined && ownControllers.includes(defined.manifest.spec.controllerName);
}

const protocols: ReadonlySet<string> = new Set(['HTTP', 'HTTPS', 'TLS', 'TCP', 'UDP']);

/** The listeners of a Gateway that can be opened; what is wrong with the others is for `onProblem`. */
export function openingsOf(
  gateway: RuleOf<GatewayResource>,
  context: PlanContext,
  onProblem: (code: string, message: string, path: string) => void = () => undefined,
): Opening[] {
  const openings: Opening[] = [];
  const taken = new Map<string, string>();
  for (const [index, listener] of (gateway.manifest.spec.listeners ?? []).entries()) {
    const path = `spec.listeners[${index}]`;
    if (!protocols.has(listener.protocol)) {
      onProblem(
        'unsupported-protocol',
        `protocol "${listener.protocol}" is not known: HTTP, HTTPS, TLS, TCP and UDP are`,
        `${path}.protocol`,
      );
      continue;
    }
    const protocol = listener.protocol as Opening['protocol'];
    const place = placeOf(listener, protocol);
    const holder = taken.get(place);
    if (holder !== undefined) {
      const message = `listener ${holder} has the same port, protocol and host name: take one of them away`;
      onProblem('listener-conflict', message, path);
      continue;
    }
    taken.set(place, listener.name);
    openings.push({
      name: listener.name,
      protocol,
      port: listener.port,
      hostname: listener.hostname?.toLowerCase(),
      ...doorOf(protocol, listener.port, context),
      passthrough: protocol === 'TLS' && listener.tls?.mode === 'Passthrough',
      listener,
      path,
    });
  }
  return openings;
}

function placeOf({ port, hostname }: GatewayListener, protocol: Opening['protocol']): string {
  // HTTPS and TLS share a port, told apart by the server name.
  const family = protocol === 'HTTPS' ? 'TLS' : protocol;
  return `${family === 'UDP' ? 'udp' : 'tcp'} ${port} ${hostname?.toLowerCase() ?? '*'}`;
}

/** Ports of the built-in doors mean these; any other port has tables of its own, which all Gateways on it share. */
function doorOf(
  protocol: Opening['protocol'],
  port: number,
  { settings }: PlanContext,
): Pick<Opening, 'bind' | 'table' | 'scheme'> {
  const isEdge =
    protocol === 'HTTP'
      ? port === wellKnownPorts.http || port === settings.httpPort
      : (protocol === 'HTTPS' || protocol === 'TLS') &&
        (port === wellKnownPorts.https || port === settings.httpsPort);
  if (!isEdge) return { bind: { port }, table: `gateway:${port}`, scheme: undefined };
  return protocol === 'HTTP'
    ? { bind: 'gateway', table: edgeTable, scheme: 'http' }
    : { bind: 'gateway-tls', table: edgeTable, scheme: 'https' };
}

/** The built-in Gateway: `http` and `https` for HTTP, `tls` for what is passed through, any port for TCP and UDP. */
export function builtInOpenings({ settings }: PlanContext, port: number | undefined): Opening[] {
  const common = { hostname: undefined, listener: undefined, path: '', passthrough: false };
  const edge = { ...common, table: edgeTable };
  const openings: Opening[] = [
    { ...edge, name: 'http', protocol: 'HTTP', port: settings.httpPort, bind: 'gateway', scheme: 'http' },
    {
      ...edge,
      name: 'https',
      protocol: 'HTTPS',
      port: settings.httpsPort,
      bind: 'gateway-tls',
      scheme: 'https',
    },
    {
      ...{ ...edge, name: 'tls', protocol: 'TLS', port: settings.httpsPort },
      ...{ bind: 'gateway-tls', scheme: 'https', passthrough: true },
    },
  ];
  if (port === undefined) return openings;
  const own = { ...common, port, bind: { port }, table: `gateway:${port}`, scheme: undefined };
  openings.push({ ...own, name: 'tcp', protocol: 'TCP' }, { ...own, name: 'udp', protocol: 'UDP' });
  return openings;
}
