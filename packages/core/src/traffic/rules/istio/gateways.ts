import type { IstioGateway, IstioServer } from '../../../rules/istio.ts';
import type { RuleOf } from '../../../rules/rule.ts';
import type { ListenerBind } from '../../listener.ts';
import { edgeTable } from '../../route.ts';
import type { PlanContext } from '../contract.ts';
import { wellKnownPorts } from '../gateway-api/names.ts';
import { istioApi, ownGateway } from './names.ts';

/** A server of a Gateway as the model has it. */
export interface Entrance {
  readonly kind: 'http' | 'https' | 'tls-passthrough' | 'tls-terminate' | 'tcp';
  readonly port: number;
  readonly bind: ListenerBind;
  readonly table: string;
  /** Both doors of the edge share a table; its routes are told apart by this. */
  readonly scheme: 'http' | 'https' | undefined;
  /** `*`, `*.suffix` or names, without the namespace before them. */
  readonly hosts: readonly string[];
  readonly httpsRedirect: boolean;
  /** Undefined: the built-in gateway. */
  readonly server: IstioServer | undefined;
  /** Where the Gateway is: its Secrets are meant. */
  readonly namespace: string;
  readonly path: string;
}

/** What the servers of a Gateway open to rules of `forNamespace` (undefined: to any). */
export function entrancesOf(
  gateway: RuleOf<IstioGateway>,
  context: PlanContext,
  forNamespace: string | undefined,
  onProblem: (code: string, message: string, path: string) => void = () => undefined,
): Entrance[] {
  return gateway.manifest.spec.servers.flatMap((server, index): Entrance[] => {
    const path = `spec.servers[${index}]`;
    const kind = kindOf(server);
    if (kind === undefined) {
      const message = `protocol ${server.port.protocol} with TLS mode ${server.tls?.mode ?? '(none)'} is not done here`;
      onProblem('unsupported-protocol', message, `${path}.port.protocol`);
      return [];
    }
    const hosts = server.hosts
      .filter((host) => forNamespace === undefined || opensTo(host, gateway.namespace, forNamespace))
      .map((host) => host.slice(host.indexOf('/') + 1).toLowerCase());
    const door = doorOf(kind, server, context);
    const httpsRedirect = server.tls?.httpsRedirect === true && kind === 'http';
    const { namespace } = gateway;
    return [{ kind, port: server.port.number, ...door, hosts, httpsRedirect, server, namespace, path }];
  });
}

function kindOf({ port, tls }: IstioServer): Entrance['kind'] | undefined {
  const mode = tls?.mode;
  switch (port.protocol.toUpperCase()) {
    case 'HTTP':
    case 'HTTP2':
    case 'GRPC':
    case 'GRPC-WEB':
      return 'http';
    case 'HTTPS':
      if (mode === 'PASSTHROUGH') return 'tls-passthrough';
      return mode === 'AUTO_PASSTHROUGH' || mode === 'ISTIO_MUTUAL' ? undefined : 'https';
    case 'TLS':
      if (mode === 'PASSTHROUGH' || mode === undefined) return 'tls-passthrough';
      return mode === 'AUTO_PASSTHROUGH' || mode === 'ISTIO_MUTUAL' ? undefined : 'tls-terminate';
    case 'TCP':
    case 'MONGO':
    case 'MYSQL':
    case 'REDIS':
      return tls === undefined ? 'tcp' : 'tls-terminate';
    default:
      return undefined;
  }
}

function opensTo(host: string, own: string, other: string): boolean {
  const slash = host.indexOf('/');
  if (slash === -1) return true;
  const namespace = host.slice(0, slash);
  return namespace === '*' || (namespace === '.' ? own : namespace) === other;
}

function doorOf(
  kind: Entrance['kind'],
  { port: { number }, bind }: IstioServer,
  { settings }: PlanContext,
): Pick<Entrance, 'bind' | 'table' | 'scheme'> {
  if (bind !== undefined && bind !== '' && bind !== '0.0.0.0' && bind !== '::') {
    return { bind: { address: bind, port: number }, table: `gateway:${bind}:${number}`, scheme: undefined };
  }
  const isTls = kind === 'https' || kind.startsWith('tls');
  const edgePorts =
    kind === 'tcp'
      ? []
      : isTls
        ? [wellKnownPorts.https, settings.httpsPort]
        : [wellKnownPorts.http, settings.httpPort];
  if (!edgePorts.includes(number)) {
    return { bind: { port: number }, table: `gateway:${number}`, scheme: undefined };
  }
  return isTls
    ? { bind: 'gateway-tls', table: edgeTable, scheme: 'https' }
    : { bind: 'gateway', table: edgeTable, scheme: 'http' };
}

/** What a rule is bound to. */
export interface Bindings {
  readonly entrances: readonly Entrance[];
  readonly mesh: boolean;
}

/** The entrances of the gateways that a rule names: `mesh`, `portolan`, `name` of its own namespace, `namespace/name`. */
export function bindingsOf(
  names: readonly string[] | undefined,
  namespace: string,
  context: PlanContext,
  path: string,
): Bindings {
  if (names === undefined || names.length === 0) return { entrances: [], mesh: true };
  const entrances: Entrance[] = [];
  for (const [index, name] of names.entries()) {
    if (name === 'mesh') continue;
    const [first = '', second] = name.split('/');
    const [inNamespace, plain] = second === undefined ? [namespace, first] : [first, second];
    const gateway = context.rule<IstioGateway>(istioApi, 'Gateway', inNamespace, plain);
    if (gateway !== undefined) entrances.push(...entrancesOf(gateway, context, namespace));
    else if (plain === ownGateway) entrances.push(...builtIn(context));
    else {
      const message = `there is no Gateway ${plain} in namespace ${inNamespace}: apply it, or name portolan, the built-in one`;
      context.report('error', 'gateway-missing', message, `${path}[${index}]`);
    }
  }
  return { entrances, mesh: names.includes('mesh') };
}

function builtIn({ settings }: PlanContext): Entrance[] {
  const common = {
    hosts: ['*'],
    httpsRedirect: false,
    server: undefined,
    namespace: '',
    path: '',
    table: edgeTable,
  };
  return [
    { ...common, kind: 'http', port: settings.httpPort, bind: 'gateway', scheme: 'http' },
    { ...common, kind: 'https', port: settings.httpsPort, bind: 'gateway-tls', scheme: 'https' },
    { ...common, kind: 'tls-passthrough', port: settings.httpsPort, bind: 'gateway-tls', scheme: 'https' },
  ];
}
