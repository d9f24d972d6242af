import type { RuleKind } from '@portolan/core/rules/rule-kinds.ts';
import type { Column } from '../output/render.ts';
import type { Diagnostic } from './apply-request.ts';

interface Condition {
  readonly type: string;
  readonly status: string;
}

/** A manifest as the API shows it. */
export interface Resource {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly resourceVersion?: string;
    readonly creationTimestamp?: string;
    readonly generation?: number;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly status?: {
    readonly conditions?: readonly Condition[];
    readonly parents?: readonly { readonly conditions: readonly Condition[] }[];
    readonly listeners?: readonly { readonly name: string; readonly attachedRoutes?: number }[];
    readonly addresses?: readonly { readonly value: string }[];
    readonly loadBalancer?: { readonly ingress?: readonly { readonly ip: string }[] };
    readonly portolan?: {
      readonly nodePorts?: readonly {
        readonly port: number;
        readonly protocol: string;
        readonly nodePort: number;
      }[];
      readonly owner?: { readonly dialect: string; readonly source: string };
      readonly diagnostics?: readonly Diagnostic[];
    };
  };
}

/** What a table shows of a kind. */
export function columnsOf(
  { kind, apiVersion }: RuleKind,
  withNamespace: boolean,
): readonly Column<Resource>[] {
  return [
    ...(withNamespace
      ? [{ title: 'NAMESPACE', of: ({ metadata }: Resource) => metadata.namespace ?? '' }]
      : []),
    { title: 'NAME', of: ({ metadata }) => metadata.name },
    ...(own.get(`${apiVersion} ${kind}`) ?? own.get(kind) ?? []),
    {
      title: 'STATE',
      of: stateOf,
      paint: (colors, resource, text) =>
        problemsOf(resource, 'error') > 0 ? colors.red(text) : colors.green(text),
    },
    { title: 'REVISION', of: ({ metadata }) => metadata.resourceVersion ?? '' },
    { title: 'CREATED', of: ({ metadata }) => (metadata.creationTimestamp ?? '').replace(/\.\d+Z$/, 'Z') },
    { title: 'OWNER', of: ownerOf, wide: true },
    {
      title: 'PROBLEMS',
      of: ({ status }) => (status?.portolan?.diagnostics ?? []).map(({ message }) => message).join('; '),
      wide: true,
    },
  ];
}

function ownerOf({ status }: Resource): string {
  const owner = status?.portolan?.owner;
  return owner === undefined
    ? ''
    : owner.dialect === 'file'
      ? owner.source
      : `${owner.dialect} ${owner.source}`;
}

function problemsOf({ status }: Resource, severity: Diagnostic['severity']): number {
  return (status?.portolan?.diagnostics ?? []).filter((one) => one.severity === severity).length;
}

/** The conditions that do not hold, else how many problems there are. */
function stateOf(resource: Resource): string {
  const { conditions = [], parents = [] } = resource.status ?? {};
  const all = [...conditions, ...parents.flatMap((parent) => parent.conditions)];
  const failing = new Set(all.filter(({ status }) => status !== 'True').map(({ type }) => `not ${type}`));
  const [errors, warnings] = [problemsOf(resource, 'error'), problemsOf(resource, 'warning')];
  const counts = [
    ...(errors > 0 ? [`${errors} ${errors === 1 ? 'error' : 'errors'}`] : []),
    ...(warnings > 0 ? [`${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`] : []),
  ];
  return [...failing, ...counts].join(', ') || 'ok';
}

type Fields = Readonly<Record<string, unknown>>;

const own: ReadonlyMap<string, readonly Column<Resource>[]> = new Map([
  [
    'Service',
    [
      column('TYPE', (spec) => text(spec.type) || 'ClusterIP'),
      column('CLUSTER-IP', (spec) => text(spec.clusterIP) || text(spec.externalName)),
      { title: 'EXTERNAL-IP', of: loadBalancerOf, wide: true },
      { title: 'PORTS', of: servicePorts },
      column('SELECTOR', (spec) => pairs(spec.selector), true),
    ],
  ],
  [
    'Ingress',
    [
      column('CLASS', (spec) => text(spec.ingressClassName)),
      column('HOSTS', (spec) => unique(list(spec.rules).map(({ host }) => text(host) || '*'))),
      { title: 'ADDRESS', of: loadBalancerOf, wide: true },
      column(
        'TLS',
        (spec) => unique(list(spec.tls).flatMap(({ secretName }) => text(secretName) || [])),
        true,
      ),
    ],
  ],
  [
    'gateway.networking.k8s.io/v1 Gateway',
    [
      column('CLASS', (spec) => text(spec.gatewayClassName)),
      column('LISTENERS', (spec) =>
        list(spec.listeners)
          .map(({ name, port, protocol }) => `${text(name)}:${text(port)}/${text(protocol)}`)
          .join(','),
      ),
      {
        title: 'ADDRESS',
        of: ({ status }) => (status?.addresses ?? []).map(({ value }) => value).join(','),
        wide: true,
      },
      {
        title: 'ROUTES',
        of: ({ status }) =>
          (status?.listeners ?? []).map(({ name, attachedRoutes }) => `${name}:${attachedRoutes}`).join(','),
        wide: true,
      },
    ],
  ],
  [
    'networking.istio.io/v1 Gateway',
    [
      column('SERVERS', (spec) =>
        list(spec.servers)
          .map(({ port, hosts }) => `${texts(hosts)}:${text(fields(port).number)}`)
          .join(' '),
      ),
    ],
  ],
  ['GatewayClass', [column('CONTROLLER', (spec) => text(spec.controllerName))]],
  ['IngressClass', [column('CONTROLLER', (spec) => text(spec.controller))]],
  ...['HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'].map(
    (kind): [string, readonly Column<Resource>[]] => [
      kind,
      [
        column('HOSTS', (spec) => texts(spec.hostnames)),
        column('PARENTS', (spec) =>
          list(spec.parentRefs)
            .map(({ name }) => text(name))
            .join(','),
        ),
      ],
    ],
  ),
  [
    'VirtualService',
    [column('HOSTS', (spec) => texts(spec.hosts)), column('GATEWAYS', (spec) => texts(spec.gateways))],
  ],
  [
    'DestinationRule',
    [
      column('HOST', (spec) => text(spec.host)),
      column('SUBSETS', (spec) =>
        list(spec.subsets)
          .map(({ name }) => text(name))
          .join(','),
      ),
    ],
  ],
  [
    'ServiceEntry',
    [column('HOSTS', (spec) => texts(spec.hosts)), column('RESOLUTION', (spec) => text(spec.resolution))],
  ],
  [
    'Secret',
    [
      { title: 'TYPE', of: (resource: Resource) => text((resource as { type?: unknown }).type) || 'Opaque' },
      { title: 'KEYS', of: ({ data }: Resource) => Object.keys(data ?? {}).join(',') },
    ],
  ],
  ['ConfigMap', [{ title: 'KEYS', of: ({ data }: Resource) => Object.keys(data ?? {}).join(',') }]],
]);

function column(title: string, of: (spec: Fields) => string, wide = false): Column<Resource> {
  return { title, of: ({ spec = {} }) => of(spec), wide };
}

/** `80:30080/TCP`: with the node port that was asked for, or else was given. */
function servicePorts({ spec = {}, status }: Resource): string {
  const given = status?.portolan?.nodePorts ?? [];
  return list(spec.ports)
    .map(({ port, nodePort, protocol }) => {
      const name = text(protocol) || 'TCP';
      const own = given.find((one) => one.port === port && one.protocol === name)?.nodePort ?? nodePort;
      return `${text(port)}${own === undefined ? '' : `:${text(own)}`}/${name}`;
    })
    .join(',');
}

function loadBalancerOf({ status }: Resource): string {
  return (status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip).join(',');
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function list(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fields) : [];
}

function text(value: unknown): string {
  return value === undefined || value === null ? '' : String(value);
}

function texts(value: unknown): string {
  return Array.isArray(value) ? value.map(text).join(',') : '';
}

function pairs(value: unknown): string {
  return Object.entries(fields(value))
    .map(([key, item]) => `${key}=${text(item)}`)
    .join(',');
}

/** The first few: an Ingress may have a thousand. */
function unique(values: readonly string[]): string {
  const some = [...new Set(values)];
  return some.length > 5 ? `${some.slice(0, 4).join(',')} and ${some.length - 4} more` : some.join(',');
}
